"""The journal: measured seconds and memory, stored beside MLflow and outside DVC.

Seconds and megabytes differ from run to run, so no file that a later stage reads may contain them.
They are stored here under the content hash of what they describe, a stage's under its name; the
report, the MLflow mirror and the terminal read them.
"""

import json
import logging
from typing import Any, Literal

from bakeoff.runtime.files import read_json, write_json
from bakeoff.runtime.layout import mlruns

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
