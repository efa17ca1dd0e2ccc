"""The journal: measured seconds and memory, stored beside MLflow and outside DVC.

Seconds and megabytes differ from run to run, so no file that a later stage reads may contain them.
They are stored here under the content hash of what they describe, a stage's under its name; the
report, the MLflow mirror and the terminal read them.
"""

import json
import logging
import sys
from pathlib import Path
from typing import Any, Literal

import psutil

from bakeoff.runtime.files import read_json, sha256_of_folder, write_json
from bakeoff.runtime.layout import mlruns
from bakeoff.runtime.parallel import worker_count

log = logging.getLogger(__name__)

Kind = Literal["features", "fits", "folds", "latencies", "runs", "stages"]


def record(kind: Kind, key: str, facts: dict[str, Any]) -> None:
    """Store `facts` under `key`: the SHA-256 of the folder they describe, or a stage's name.

    A journal that cannot be written causes a warning only, because the output matters more.
    """
    path = mlruns() / "journal" / kind / f"{key}.json"
    try:
        write_json(path, facts)
    except OSError as error:
        log.warning("the measured seconds are not stored: %s: %s", path, error.strerror)


def lookup(kind: Kind, key: str) -> dict[str, Any]:
    """The facts stored under `key`; empty if nothing was measured on this machine."""
    try:
        facts: dict[str, Any] = read_json(mlruns() / "journal" / kind / f"{key}.json")
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return facts


def peak_memory_mb() -> float:
    """The largest resident memory that this process ever had, in units of 10^6 bytes."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def record_fit(folder: Path, **seconds: float) -> dict[str, Any]:
    """Record the seconds and memory of this process for the model in `folder`."""
    facts: dict[str, Any] = dict(seconds) | {
        "peak_memory_mb": round(peak_memory_mb(), 1),
        "device": "CPU",
        "threads": worker_count(),
    }
    record("fits", sha256_of_folder(folder), facts)
    return facts
