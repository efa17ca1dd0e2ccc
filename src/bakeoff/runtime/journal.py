"""The journal: clocked facts, kept beside the MLflow store and out of everything DVC compares.

Seconds and megabytes differ from run to run, so they may stand in no file that a later stage
depends on. They are filed here under the content hash of what they describe, where the
evaluation and the MLflow mirror look them up.
"""

import json
import logging
from typing import Any, Literal

from bakeoff.runtime.files import read_json, write_json
from bakeoff.runtime.layout import mlruns

log = logging.getLogger(__name__)

Kind = Literal["features", "fits", "folds", "latencies", "runs"]


def record(kind: Kind, key: str, facts: dict[str, Any]) -> None:
    """File `facts` under the SHA-256 `key` of the folder they describe.

    What they describe is worth more than they: a journal that cannot be written is told, no more.
    """
    path = mlruns() / "journal" / kind / f"{key}.json"
    try:
        write_json(path, facts)
    except OSError as error:
        log.warning("the seconds are not kept: %s: %s", path, error.strerror)


def lookup(kind: Kind, key: str) -> dict[str, Any]:
    """The facts filed under `key`; empty where nothing was measured on this machine."""
    try:
        facts: dict[str, Any] = read_json(mlruns() / "journal" / kind / f"{key}.json")
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return facts
