"""Which values of a model were searched, and which were given."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bakeoff.params.found import TRIALS
from bakeoff.runtime.tables import read_csv
from bakeoff.test_side.candidates import Candidate

_PLOTTED = ["model", "trial", "state", "cohen_kappa", "best"]


def trials_of(metadata: Mapping[str, Any]) -> int:
    """How many trials chose a model's values; 0 where all were given."""
    return int(metadata.get("params", {}).get("trials", 0))


def searched_values(metadata: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values of the parameters that a search chose."""
    params = metadata.get("params", {})
    return [(path, _value(params, path)) for path in params.get("searched", ())]


def origin_in_words(metadata: Mapping[str, Any]) -> str:
    """Where a model's values come from, in one sentence."""
    values = searched_values(metadata)
    if not values:
        return "Every value was given in params.yaml."
    found = ", ".join(f"{path} {value}" for path, value in values)
    return f"Searched in {trials_of(metadata)} trials: {found}. The rest was given in params.yaml."


def _value(params: Mapping[str, Any], path: str) -> str:
    value: Any = params
    for key in path.split("."):
        value = value[key]
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def read_searches(folder: Path, candidates: Sequence[Candidate]) -> dict[str, pd.DataFrame]:
    """`trials.csv` of the models that were searched."""
    searched = [c.name for c in candidates if trials_of(c.metadata)]
    return {name: read_csv(folder / name / TRIALS) for name in searched}


def plotted_trials(searches: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Every trial's kappa and the best so far, all models below one another."""
    parts = [
        trials.assign(
            model=name,
            trial=trials["number"],
            best=trials["cohen_kappa"].where(trials["state"] == "complete").cummax().ffill(),
        )[_PLOTTED]
        for name, trials in searches.items()
    ]
    return pd.concat(parts) if parts else pd.DataFrame(columns=_PLOTTED)
