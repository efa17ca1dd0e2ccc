"""MLflow's store locked, missing, read-only or gone in mid-run: the fit and its model are safe."""

import shutil
import sqlite3
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from bakeoff import tracking
from bakeoff.params.evidence import TrackingParams
from bakeoff.runtime.files import sha256_of_folder
from bakeoff.tracking.store import open_store
from bakeoff.tracking.sync import sync
from tests.faults.injuries import CannotInjureError, forbid, permit
from tests.tiny_repository import forget_stores, repository, write_model
from tests.tracking.snapshot import snapshot
from tests.tracking.test_server import mlflow

__all__ = ["repository"]


def fit(root: Path, disturb) -> Path:
    """Three epochs, of which the first is logged to a sound store."""
    with tracking.live_run("vgg16", "head", TrackingParams(), "phantom", {"device": "CPU"}) as run:
        run.log_epoch(1, {"loss": 0.7})
        disturb()
        for epoch in (2, 3):
            run.log_epoch(epoch, {"loss": 0.6})
        folder = write_model(root, "vgg16")
        run.finish(folder, {"fit_seconds": 1.0})
    return folder


def caught_up(folder: Path, *, journal: bool = True) -> None:
    """The mirror shows the model, once and whole; what only the fit knew, from the journal."""
    forget_stores()
    sync()
    runs = snapshot(open_store("phantom"))
    whole = [run for run in runs.values() if run["status"] == "FINISHED"]
    (run,) = whole
    assert run["tags"]["bakeoff.key"] == sha256_of_folder(folder)
    assert run["metrics"]["epoch/loss"] == [(1, 0.7), (2, 0.6)]  # of history.csv
    assert run["tags"].get("device") == ("CPU" if journal else None)
    assert "model/model.keras" in run["artifacts"]


def told_once(caplog) -> None:
    (record,) = [r for r in caplog.records if "MLflow is skipped" in r.message]
    assert "bakeoff sync" in record.message
    assert "\n" not in record.message
    assert "SQL" not in record.message


@contextmanager
def locked_database():
    """Another program holds the database, as a backup may."""
    held = sqlite3.connect("mlruns/mlflow.db", isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        held.execute("ROLLBACK")
        held.close()


def test_a_store_locked_in_mid_run(repository, caplog):
    began = time.monotonic()
    with ExitStack() as stack:
        folder = fit(repository, lambda: stack.enter_context(locked_database()))
    assert time.monotonic() - began < 60
    told_once(caplog)
    assert "locked" in caplog.text
    caught_up(folder)


def test_a_store_deleted_in_mid_run(repository):
    folder = fit(repository, lambda: shutil.rmtree("mlruns"))
    assert folder.is_dir()
    caught_up(folder)


def test_a_store_that_may_not_be_written(repository, caplog):
    try:
        folder = fit(repository, lambda: forbid(Path("mlruns")))
    except CannotInjureError as reason:
        pytest.skip(str(reason))
    finally:
        permit(Path("mlruns"))
    told_once(caplog)
    assert "the measured seconds are not stored" in caplog.text
    caught_up(folder, journal=False)


@pytest.mark.slow
def test_a_server_that_goes_down_in_mid_run(repository, tmp_path, monkeypatch, caplog):
    place = ["--backend-store-uri", f"sqlite:///{tmp_path}/server.db"]
    place += ["--artifacts-destination", str(tmp_path / "artifacts"), "--workers", "1"]

    def stop() -> None:
        server = next(
            p for p in psutil.Process().children() if str(tmp_path) in " ".join(p.cmdline())
        )
        for process in [*server.children(recursive=True), server]:
            process.kill()

    with mlflow("server", *place, ready="/health") as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        began = time.monotonic()
        folder = fit(repository, stop)
        assert time.monotonic() - began < 30
    told_once(caplog)
    with mlflow("server", *place, ready="/health") as address:  # the same store, up again
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        caught_up(folder)
