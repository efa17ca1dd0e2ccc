"""Real servers on loopback: MLflow's tracking server, and a served model."""

import base64
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import psutil
import pytest
import requests

from bakeoff.serve.predictor import load_predictor
from bakeoff.tracking.store import open_store
from bakeoff.tracking.sync import sync
from tests.tiny_repository import write_forest, write_reports
from tests.tracking.snapshot import snapshot

pytestmark = pytest.mark.slow


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@contextmanager
def server(command: list[str], port: str, ready: str):
    """Run a server on a free port; yields its address."""
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    quiet["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    process = subprocess.Popen(command, env=os.environ | quiet, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(480):
            try:
                requests.get(address + ready, timeout=1)
                break
            except requests.RequestException:
                assert process.poll() is None, "the server ended"
                time.sleep(0.5)
        yield address
    finally:
        for each in [*psutil.Process(process.pid).children(recursive=True), process]:
            each.terminate()
        process.wait()


@contextmanager
def mlflow(*arguments: str, ready: str):
    """Run one of MLflow's servers on a free port; yields its address."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", *arguments, "--host", "127.0.0.1", "--port", port]
    with server(command, port, ready) as address:
        yield address


def test_a_tracking_server_holds_what_the_local_store_holds(repository, tmp_path, monkeypatch):
    write_forest(repository)
    write_reports(repository, {"random_forest": 20})
    sync()
    local = snapshot(open_store("phantom"))
    place = ["--backend-store-uri", f"sqlite:///{tmp_path}/server.db"]
    place += ["--artifacts-destination", str(tmp_path / "artifacts"), "--workers", "1"]
    with mlflow("server", *place, ready="/health") as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        sync()
        sync()
        store = open_store("phantom")
        assert snapshot(store) == local
        (version,) = store.client.search_model_versions("name = 'phantom'")
        assert version.source.startswith("mlflow-artifacts:")


def memory() -> int:
    """Resident bytes of all that this process has started."""
    return sum(child.memory_info().rss for child in psutil.Process().children(recursive=True))


def test_a_served_model_serves_many_clients_and_refuses_what_is_no_picture(repository):
    folder = write_forest(repository)
    write_reports(repository, {"random_forest": 20})
    sync()
    paths = [Path(path) for path in pd.read_csv("data/splits/test.csv")["path"]]
    expected = load_predictor(folder).table(paths).to_dict("records")

    def ask(path: Path) -> dict:
        body = {"inputs": [base64.b64encode(path.read_bytes()).decode()]}
        answer = requests.post(f"{address}/invocations", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        (said,) = answer.json()["predictions"]
        assert answer.json()["model"] == "random_forest"
        return said

    port = free_port()
    bakeoff = str(Path(sys.executable).with_name("bakeoff"))
    with server([bakeoff, "serve", "--port", port], port, "/ping") as address:
        with ThreadPoolExecutor(8) as clients:
            assert list(clients.map(ask, paths * 5)) == expected * 5
            before = memory()
            assert list(clients.map(ask, paths * 42)) == expected * 42  # 1008 requests
            assert memory() < 1.05 * before
        bad = {"inputs": [base64.b64encode(b"\xff\xd8\xff no").decode()]}
        answer = requests.post(f"{address}/invocations", json=bad, timeout=60)
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("picture 1 (")
