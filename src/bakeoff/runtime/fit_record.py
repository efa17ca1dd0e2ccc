"""Record the cost of a fit in the journal, keyed by the content of the model."""

import sys
from pathlib import Path
from typing import Any

import psutil

from bakeoff.runtime import journal
from bakeoff.runtime.files import sha256_of_folder
from bakeoff.runtime.parallel import worker_count


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
    journal.record("fits", sha256_of_folder(folder), facts)
    return facts
