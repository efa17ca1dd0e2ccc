"""The numbers of an evaluation as files: scores to compare from run to run, and every detail."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.evaluate.comparison import Contender
from bakeoff.evaluate.evaluation import Evaluation
from bakeoff.evaluate.files import plain
from bakeoff.evaluate.pairings import Pairing
from bakeoff.evaluate.verdict import verdict
from bakeoff.runtime.files import write_json, writing_folder
from bakeoff.scoring.predictions import write_predictions
from bakeoff.scoring.scorecard import finite_or_none

_IN_METRICS = ("accuracy", "cohen_kappa", "macro_f1", "log_loss")


def write_numbers(reports: Path, evaluation: Evaluation) -> None:
    """Write `metrics.json`, `evidence.json` and `predictions/`; nothing in them is clocked."""
    comparison = evaluation.comparison
    metrics = {c.name: _metrics(c) for c in comparison.contenders}
    write_json(reports / "metrics.json", {"best": _metrics(comparison.best)} | metrics)
    write_json(reports / "evidence.json", _everything(evaluation))
    with writing_folder(reports / "predictions") as folder:
        for contender in comparison.contenders:
            write_predictions(folder / f"{contender.name}.csv", contender.predictions)


def _metrics(contender: Contender) -> dict[str, float | None]:
    """The few scores that `dvc metrics show` and `dvc exp show` have columns for."""
    return finite_or_none({name: contender.card.overall[name] for name in _IN_METRICS})


def _everything(evaluation: Evaluation) -> dict[str, Any]:
    """All numbers of the comparison, without anything clocked."""
    comparison = evaluation.comparison
    return {
        "seeds": {name: s.accuracies.tolist() for name, s in evaluation.spreads.items()},
        "groups": comparison.groups,
        "best": comparison.best.name,
        "best_out_of_bag": finite_or_none({"": comparison.out_of_bag})[""],
        "verdict": verdict(comparison, {}),
        "models": {c.name: _model(c) for c in comparison.contenders},
        "effective_groups": comparison.effective_groups,
        "against_forest": _pairings(comparison.against_forest),
        "against_best": _pairings(comparison.against_best),
        "against_majority": _pairings(comparison.against_majority),
    }


def _pairings(family: Sequence[Pairing]) -> list[Any]:
    return [plain(asdict(p) | {"conclusion": p.conclusion}) for p in family]


def _model(contender: Contender) -> dict[str, Any]:
    classes = contender.predictions.classes
    per_class = {
        name: {score: values[i] for score, values in contender.card.per_class.items()}
        | {"recall_interval": asdict(contender.recalls[i])}
        for i, name in enumerate(classes)
    }
    return plain(
        {
            "overall": dict(contender.card.overall),
            "uncalibrated": dict(contender.uncalibrated.overall),
            "intervals": {name: asdict(i) for name, i in contender.intervals.items()},
            "groups_behind": dict(contender.groups_behind),
            "per_class": per_class,
            "confusion": contender.card.matrix.astype(np.int64).tolist(),
            "classes": list(classes),
        }
    )
