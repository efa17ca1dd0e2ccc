"""The numbers of an evaluation as files: comparable scores, and every detail."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bakeoff.evaluate.comparison import Comparison, Contender
from bakeoff.evaluate.evaluation import Evaluation
from bakeoff.evaluate.evaluation_folder import plain
from bakeoff.evaluate.pairings import Pairing
from bakeoff.evaluate.verdict import conclusions
from bakeoff.runtime.files import write_json, writing_folder
from bakeoff.scoring.predictions import write_predictions
from bakeoff.scoring.scorecard import finite_or_none

_IN_METRICS = ("accuracy", "cohen_kappa", "macro_f1", "log_loss")


def write_numbers(reports: Path, evaluation: Evaluation, sources: Mapping[str, str]) -> None:
    """Write `metrics.json`, `evidence.json` and `predictions/`, without measured times.

    `sources` has each picture's member of the archive, by its `image_id`.
    """
    comparison = evaluation.comparison
    metrics = {c.name: _metrics(c) for c in comparison.contenders}
    write_json(reports / "metrics.json", {"best": _metrics(comparison.best)} | metrics)
    write_json(reports / "evidence.json", _everything(evaluation))
    with writing_folder(reports / "predictions") as folder:
        for contender in evaluation.test.contenders:
            write_predictions(folder / f"{contender.name}.csv", contender.predictions, sources)
        for contender in evaluation.folds.contenders if evaluation.folds else ():
            for repeat, predictions in enumerate(contender.repeats):
                path = folder / f"repeat_{repeat}" / f"{contender.name}.csv"
                write_predictions(path, predictions, sources)


def _metrics(contender: Contender) -> dict[str, float | None]:
    """The few scores that `dvc metrics show` and `dvc exp show` have columns for."""
    return finite_or_none({name: contender.card.overall[name] for name in _IN_METRICS})


def _everything(evaluation: Evaluation) -> dict[str, Any]:
    """All numbers, without measured times."""
    both = {"test": evaluation.test, "folds": evaluation.folds, "clean": evaluation.clean}
    found: dict[str, Any] = {name: _comparison(c) for name, c in both.items() if c}
    return found | {
        "verdict": conclusions(evaluation, {}),
        "test_images_in_training": evaluation.leaking,
        "curves": {
            name: plain(curve) | {"says": curve.reading.reading}
            for name, curve in evaluation.curves.items()
        },
        "seeds": {name: s.accuracies.tolist() for name, s in evaluation.spreads.items()},
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "folds": comparison.folds,
        "groups": comparison.groups,
        "best": comparison.best.name,
        "best_out_of_bag": finite_or_none({"": comparison.out_of_bag})[""],
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
            "confusion": contender.card.matrix.tolist(),
            "classes": list(classes),
        }
    )
