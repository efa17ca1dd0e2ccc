"""MLflow's pages on this machine: start the server, and say where to look once it answers."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psutil
import requests

from bakeoff.runtime import layout
from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.http import free_socket
from bakeoff.tracking.reasons import own_uri, shown_uri, tracking_uri
from bakeoff.tracking.store import (
    StoreUnavailableError,
    connect,
)
from bakeoff.tracking.view import pages

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # nothing here uses it
}
_PATIENCE = 120.0  # seconds until the server must answer


@dataclass(frozen=True)
class Pages:
    """What there is to open."""

    address: str
    found: list[tuple[str, str]]  # title and address of each page with models
    server: "subprocess.Popen[bytes] | None"  # None: of somebody else


@contextmanager
def showing_pages(port: int) -> Iterator[Pages]:
    """The pages with the models, best first, of a server that answers inside the block.

    A server that `MLFLOW_TRACKING_URI` names is not started, only asked.

    Raises:
        BakeoffError: there is no store, the port is taken, or the server does not answer.
    """
    uri = tracking_uri()
    if uri == own_uri() and not (layout.mlruns() / "mlflow.db").is_file():
        raise BakeoffError("mlruns/ has no store yet; run `dvc repro` or `bakeoff sync` first")
    remote = urlsplit(uri).scheme in ("http", "https")
    address = shown_uri(uri).rstrip("/") if remote else f"http://127.0.0.1:{port}"
    try:
        found = pages(list(connect(uri).search_experiments()), address)
    except StoreUnavailableError as reason:
        raise BakeoffError(f"MLflow: {reason}") from None
    if remote:
        yield Pages(address, found, None)
        return
    free_socket(port).close()
    with _mlflow(uri, port) as server:
        yield Pages(address, found, server)


@contextmanager
def _mlflow(uri: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow's server, answering; ended with all its workers however the block is left."""
    place = ["--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(port)]
    beside = str(Path(sys.executable).parent)  # where MLflow finds uvicorn
    path = os.pathsep.join([beside, os.environ.get("PATH", "")])
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "mlflow", "ui", *place, "--workers", "1"],
            env=_QUIET | os.environ | {"PATH": path},
            stdout=log,
            stderr=log,
        )
        # A termination signal would end this process alone, without the `finally` below.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        try:
            _wait(server, f"http://127.0.0.1:{port}/health", log)
            yield server
        finally:
            _end(server)


def _wait(server: subprocess.Popen[bytes], health: str, log: IO[bytes]) -> None:
    """Wait until the server answers."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            if requests.get(health, timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.3)
    log.seek(0)
    lines = log.read().decode(errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
    raise BakeoffError(
        f"MLflow's server does not answer at {health} ({last.strip()[:200]}); try again, or "
        "choose another --port"
    )


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and what it started."""
    try:
        family = [*psutil.Process(server.pid).children(recursive=True), psutil.Process(server.pid)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family, timeout=10)
    server.wait()
