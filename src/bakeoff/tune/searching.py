"""Run a whole search: its study, its trials, and its files."""

import hashlib
import json
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from bakeoff.features.sides import Side
from bakeoff.params.found import BEST, Found
from bakeoff.params.tuning import Tuning
from bakeoff.runtime.files import write_json, writing_folder
from bakeoff.runtime.fingerprints import code_sha256
from bakeoff.runtime.layout import mlruns
from bakeoff.tune.records import write_records
from bakeoff.tune.study import Objective, Search, best_of, run_search

_LIBRARIES = ("keras", "numpy", "optuna", "scikit-learn", "tensorflow")


def search_values(
    folder: Path,
    tuning: Tuning,
    params: BaseModel,
    objective: Objective,
    *,
    inputs: Mapping[str, Any],
    seed: int,
    stage: str,
    restart: Callable[[], None] | None = None,
) -> Found:
    """Run the trials that are not stored yet, and write the result.

    `restart` replaces the process by a fresh one, because trials leak memory.

    Raises:
        BakeoffError: no trial could be completed.
    """
    asked = {
        "space": [(s.path, s.dimension.model_dump(), s.whole) for s in tuning.space],
        "sampler": tuning.sampler,
        "pruning": tuning.pruning,
        "given": params.model_dump(mode="json"),
        "inputs": inputs,
        "seed": seed,
        "code": code_sha256(stage),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
    key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    search = Search(
        name=folder.name,
        tuning=tuning,
        given=given_values(params, tuning),
        seed=seed,
        objective=objective,
        database=mlruns() / "studies" / f"{folder.name}-{key[:16]}.db",
        restart=restart,
    )
    study, trials = run_search(search)
    best = best_of(trials)
    facts = {"study": key, "trials": len(trials), "number": best.number}
    facts |= {"cohen_kappa": best.kappa, "values": dict(best.values)}
    with writing_folder(folder) as partial:
        write_json(partial / BEST, facts)
        write_records(partial, study, trials, tuning, seed)
    return Found(len(trials), best.values)


def given_values(params: BaseModel, tuning: Tuning) -> dict[str, Any]:
    """The searched parameters as `params` gives them, by dotted name."""
    tree = params.model_dump(mode="json")
    return {s.path: (tree[s.block] if s.block else tree)[s.key] for s in tuning.space}


def side_sha256(side: Side) -> str:
    """Hash of a side's examples, labels and feature vectors."""
    digest = hashlib.sha256(side.sha256.encode())
    for values in (side.labels, side.values):
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
