"""The files of a search: trials and parameter importances."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.importance import FanovaImportanceEvaluator, get_param_importances

from bakeoff.params.found import COLUMNS, IMPORTANCES, TRIALS
from bakeoff.params.tuning import Tuning
from bakeoff.runtime.tables import write_table
from bakeoff.tune.study import Trial

# Fewer trials give no meaningful importances.
_FEWEST = 4


def write_records(
    folder: Path, study: optuna.Study, trials: Sequence[Trial], tuning: Tuning, seed: int
) -> None:
    """Write `trials.csv`, `importances.csv` into `folder`."""
    importances = _importances(study, tuning, seed)
    table = pd.DataFrame(map(_row, trials)).astype({"best_epoch": "Int64"})
    write_table(table, folder / TRIALS)
    shares = pd.DataFrame(importances.items(), columns=["parameter", "importance"])
    write_table(shares, folder / IMPORTANCES)


def _row(trial: Trial) -> dict[str, Any]:
    facts = (trial.number, trial.state, trial.kappa, trial.best_epoch, trial.epochs)
    return dict(zip(COLUMNS, facts, strict=True)) | {
        path: value if isinstance(value, int | float | str) else json.dumps(value)
        for path, value in trial.values.items()
    }


def _importances(study: optuna.Study, tuning: Tuning, seed: int) -> dict[str, float]:
    """Each parameter's share of the variance of kappa (fANOVA, Hutter et al. 2014), largest first.

    Empty if too few trials are complete, or all are equal.
    """
    names = [searched.path for searched in tuning.space]
    complete = [
        trial
        for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        if set(names) <= set(trial.params)
    ]
    if len(complete) < _FEWEST or len({trial.value for trial in complete}) < 2:
        return {}
    shares = get_param_importances(
        study, evaluator=FanovaImportanceEvaluator(seed=seed), params=names
    )
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))
