"""What is never done with what comes from outside, and what never gets out."""

import ast
import base64
import logging
import re
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import psutil
import pytest

from bakeoff.params.evidence import TrackingParams
from bakeoff.tracking import live_run, log_comparison
from bakeoff.tracking.reasons import redact
from tests.audit import without_hash
from tests.tiny_repository import repository, write_forest, write_reports

__all__ = ["repository"]

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(p for name in ("src", "stages", "benchmarks") for p in (ROOT / name).rglob("*.py"))
# Its unpickler resolves four names only; tests/features/test_pytorch_file.py tries others.
RESTRICTED = ROOT / "src/bakeoff/features/pytorch_file.py"
RUN_CODE = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "torch"}
# A call by its last two names, and what it must be given so that it runs no code from a file.
GUARDED = {
    "np.load": ("allow_pickle", "False"),
    "saving.load_model": ("safe_mode", "True"),
    "io.load": ("trusted", "list(TRUSTED)"),
}
FORBIDDEN = {
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "joblib.load",
    "pd.read_pickle",
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "models.load_model",
    "config.enable_unsafe_deserialization",
}


def calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    """Each call with the last two names of what is called."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [(".".join(ast.unparse(c.func).split(".")[-2:]), c) for c in found]


def test_nothing_from_a_file_is_run_as_code():
    guarded = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                allowed = {"pickle"} if path == RESTRICTED else set()
                assert not RUN_CODE & {name.split(".")[0] for name in names} - allowed, path
        for name, call in calls(tree):
            assert name not in FORBIDDEN | {"eval", "exec"}, f"{path}: {name}"
            if name in GUARDED:
                given = {word.arg: ast.unparse(word.value) for word in call.keywords}
                keyword, value = GUARDED[name]
                assert given.get(keyword) == value, f"{path}: {name}"
                guarded.add(name)
    assert guarded == set(GUARDED)  # or this test looks for names that are no longer used


def test_every_server_that_is_started_binds_to_loopback():
    pages = (ROOT / "src/bakeoff/tracking/pages.py").read_text(encoding="utf-8")
    assert pages.count("subprocess.Popen(") == pages.count('"--host", "127.0.0.1"') == 1
    service = (ROOT / "src/bakeoff/serve/http.py").read_text(encoding="utf-8")
    assert service.count(".bind(") == service.count('.bind(("127.0.0.1"') == 1
    for path in SOURCES:
        assert "0.0.0.0" not in path.read_text(encoding="utf-8"), path


@pytest.mark.slow
def test_the_ui_listens_on_loopback_alone(repository):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "bakeoff.cli", "ui", "--port", str(port)]
    start = "import sys; from bakeoff.cli import app; sys.argv = sys.argv[1:]; app()"
    server = subprocess.Popen([sys.executable, "-c", start, *command[2:]])
    try:
        for _ in range(240):
            family = [psutil.Process(server.pid)]
            family += family[0].children(recursive=True)
            heard = {c.laddr for p in family for c in p.net_connections() if c.status == "LISTEN"}
            if heard:
                break
            time.sleep(0.5)
        assert {address.ip for address in heard} == {"127.0.0.1"}
        assert port in {address.port for address in heard}
    finally:
        for process in [*psutil.Process(server.pid).children(recursive=True), server]:
            process.terminate()
        server.wait()


def test_a_url_needs_a_hash_and_every_locked_package_has_one():
    from bakeoff.params.datasets import Folders

    for url in ("http://example.org/a.zip", "https://example.org/a.zip"):
        with pytest.raises(ValueError, match="needs the 'sha256'"):
            Folders(kind="folders", url=url)
    assert without_hash("a==1 \\\n    --hash=sha256:0\nb==2\n") == ["b"]
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")
    files = re.findall(r"^\s*(?:sdist = )?\{ url = .*\}", lock, re.MULTILINE)
    assert len(files) > 1000
    assert all('hash = "sha256:' in line for line in files)


NAME, PASSWORD, TOKEN = "anna", "s3cret/päss", "t0ken-5678"
ENCODED = "s3cret%2Fp%C3%A4ss"
SECRETS = (
    *(PASSWORD, ENCODED, TOKEN),
    base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode(),
    base64.b64encode(f"{NAME}:{PASSWORD}".encode("latin-1")).decode(),
)


class Gossip(BaseHTTPRequestHandler):
    """Refuses everything, and says in its answer what it was asked with."""

    def do_GET(self) -> None:  # noqa: N802
        body = f"refused {self.path} to {dict(self.headers)}".encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


def test_secrets_reach_no_log_no_file_and_no_run(repository, monkeypatch, caplog, capfd):
    """A server that refuses and gossips; then the own store, with the secrets still around."""
    folder = write_forest(repository)
    write_reports(repository, {"random_forest": 20})
    gossip = HTTPServer(("127.0.0.1", 0), Gossip)
    Thread(target=gossip.serve_forever, daemon=True).start()
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", NAME)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    caplog.set_level(logging.DEBUG, "bakeoff")
    host = f"127.0.0.1:{gossip.server_port}"
    for uri in (f"http://{NAME}:{ENCODED}@{host}", f"http://{host}", ""):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with live_run("random_forest", "forest", TrackingParams(), "phantom", {}) as run:
            run.log_epoch(1, {"loss": 0.7})
            run.finish(folder, {"fit_seconds": 1.0})
        log_comparison(Path("reports"), Path("models"), TrackingParams())
    gossip.shutdown()
    said = "".join(capfd.readouterr()) + "".join(r.getMessage() for r in caplog.records)
    assert said.count("MLflow is skipped") >= 4  # the fit and the comparison, twice
    kept = {p: p.read_bytes() for p in repository.rglob("*") if p.is_file()}
    assert any(p.name == "mlflow.db" and b"random_forest" in content for p, content in kept.items())
    for secret in SECRETS:
        assert secret not in said
        assert [p for p, content in kept.items() if secret.encode() in content] == []


def test_secrets_are_redacted_in_every_dress(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    uri = f"http://{NAME}:{ENCODED}@example.org"
    text = redact(f"could not reach {uri} with {' '.join(SECRETS)}", uri)
    assert not any(secret in text for secret in SECRETS)
