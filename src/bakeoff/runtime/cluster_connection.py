"""Connecting to a Ray cluster, or starting one on this machine, without its messages."""

import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bakeoff
from bakeoff.runtime.errors import BakeoffError, quoted

LOCAL = "BAKEOFF_ENGINE=local computes on this machine alone"
_SECONDS = 5.0  # to reach a cluster
_LONGEST = 30  # characters; Ray adds 75
_STORE = 512 << 20  # bytes of a local cluster's object store; more is spilled to the disk
_PASSED_ON = ("BAKEOFF_", "DNNL_", "KERAS_", "OMP_", "ONEDNN_", "OPENBLAS_", "MKL_", "TF_")
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",  # of 15; threads have the priority of this process, too
}


@contextmanager
def connected(processors: int) -> Iterator[Any]:
    """Ray, connected to a cluster, which is ended if it was started here."""
    ray = _installed()
    # Tests alone find Ray connected already. Ray's own handler of SIGTERM would stay.
    handler = signal.getsignal(signal.SIGTERM)
    folder = None
    try:
        address = os.environ.get("BAKEOFF_RAY_ADDRESS", "")
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        try:
            if address:
                _check_reachable(address)
                ray.init(address, runtime_env={"env_vars": _environment()}, **options)
            else:
                folder = tempfile.mkdtemp(prefix="ray-", dir=_temporary_folder())
                with _in_environment(_environment() | {"TMPDIR": folder}):
                    ray.init(
                        "local",
                        num_cpus=processors,
                        include_dashboard=False,
                        object_store_memory=_STORE,
                        _temp_dir=folder,
                        **options,
                    )
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            what = f"BAKEOFF_RAY_ADDRESS {quoted(address)}" if address else "a local Ray cluster"
            reason = quoted(" ".join(str(error).split()), 200)
            raise BakeoffError(f"{what} cannot be used ({reason}); or: {LOCAL}") from None
        yield ray
    finally:
        ray.shutdown()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _temporary_folder() -> str:
    """Where temporary files belong, or `/tmp`: a socket's path has 107 characters at most."""
    usual = tempfile.gettempdir()
    return "/tmp" if os.name == "posix" and len(usual) > _LONGEST else usual  # noqa: S108


def _installed() -> Any:
    """Ray, without statistics, messages, and a token in the home folder."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    if not os.environ.get("BAKEOFF_RAY_ADDRESS"):
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
    except ModuleNotFoundError:
        raise BakeoffError(
            "BAKEOFF_ENGINE is ray, but Ray is not installed; install it with "
            f"`uv sync --inexact --extra ray`; {LOCAL}"
        ) from None
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    # No setting of Ray 2.60 keeps a lost node's log off our terminal.
    ray._private.worker._worker_logs_enabled = False
    return ray


def _check_reachable(address: str) -> None:
    """Raise ValueError or OSError within seconds; Ray would try for a minute."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in host:
        raise ValueError("it is HOST:PORT, as `ray start --head` prints it")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS):
        pass


def _environment() -> dict[str, str]:
    """What the processes on the nodes take over: the sources, and what changes arithmetic."""
    own = {k: v for k, v in os.environ.items() if k.startswith(_PASSED_ON)}
    sources = str(Path(bakeoff.__file__).resolve().parents[1])
    path = os.environ.get("PYTHONPATH", "")
    return {**own, "PYTHONPATH": os.pathsep.join(filter(None, [sources, path]))}


@contextmanager
def _in_environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
