"""A real MLflow server in front of a real PostgreSQL; needs `initdb` and, from uv, its driver."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from bakeoff.tracking.store import open_store
from bakeoff.tracking.sync import sync
from tests.tiny_repository import write_forest, write_model, write_reports
from tests.tracking.snapshot import snapshot
from tests.tracking.test_server import mlflow

pytestmark = pytest.mark.slow


def program(name: str) -> str:
    """The program's path; Debian keeps PostgreSQL's apart."""
    places = [os.environ["PATH"], *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin")))]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        pytest.skip(f"PostgreSQL is not installed: no {name}")
    return found


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """PostgreSQL's driver, for the server's process alone."""
    uv = shutil.which("uv")
    folder = tmp_path / "driver"
    install = ["pip", "install", "--quiet", "--target", str(folder), "psycopg[binary]"]
    if uv is None or subprocess.run([uv, *install], check=False).returncode:
        pytest.skip("uv, or the package psycopg, cannot be had here")
    known = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), known])))


@contextmanager
def postgresql(superuser: str = "bakeoff"):
    """A PostgreSQL of our own behind a socket in a temporary folder; yields its address."""
    root = Path(tempfile.mkdtemp(prefix="bakeoff-postgresql-"))
    user = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = "nobody"
        shutil.chown(root, user)

    def run(name: str, *arguments: str) -> None:
        log = root / f"{name}.txt"
        with log.open("wb") as out:
            command = [program(name), *arguments]
            done = subprocess.run(command, user=user, stdout=out, stderr=out, cwd=root, check=False)
        assert done.returncode == 0, log.read_text()

    try:
        run("initdb", "-D", str(root / "data"), "-U", superuser, "-A", "trust", "-E", "UTF8")
        quiet = f"-c listen_addresses= -k {root}"
        run("pg_ctl", "-D", str(root / "data"), "-w", "-o", quiet, "-l", str(root / "log"), "start")
        try:
            yield f"postgresql://{superuser}@/postgres?host={root}"
        finally:
            run("pg_ctl", "-D", str(root / "data"), "-w", "-m", "fast", "stop")
    finally:
        shutil.rmtree(root, ignore_errors=True)


def test_a_server_on_postgresql_holds_what_the_local_store_holds(
    repository, tmp_path, driver, monkeypatch
):
    write_forest(repository)
    write_model(repository, "vgg16")
    write_reports(repository, {"random_forest": 20, "vgg16": 18})
    sync()
    local = snapshot(open_store("phantom"))
    with postgresql() as database:
        place = ["--backend-store-uri", database, "--workers", "1"]
        place += ["--artifacts-destination", str(tmp_path / "artifacts")]
        with mlflow("server", *place, ready="/health") as address:
            monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
            sync()
            assert sync().new == ()
            store = open_store("phantom")
            assert snapshot(store) == local
            (version,) = store.client.search_model_versions("name = 'phantom'")
            assert version.tags["gate"] == "promoted: the first version"
            assert list((tmp_path / "artifacts").rglob("model.skops"))
