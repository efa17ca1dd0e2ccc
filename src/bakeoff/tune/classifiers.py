"""Search the parameters of a forest or a regression; each trial is one fit."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from bakeoff.baselines.classical import Classifier
from bakeoff.features.sides import Side
from bakeoff.params.found import Found, with_values, write_no_search
from bakeoff.params.tuning import Tuning
from bakeoff.scoring.scores import cohen_kappa, confusion_matrix

if TYPE_CHECKING:
    from bakeoff.tune.study import Outcome, Report

P = TypeVar("P", bound=BaseModel)


def search_classifier(
    folder: Path,
    tuning: Tuning,
    params: P,
    fit: Callable[[P], Classifier],
    *,
    train: Side,
    val: Side,
    seed: int,
    stage: str,
) -> Found:
    """Search the parameters of a classifier, if trials are requested, and write the result."""
    if not tuning.trials:
        return write_no_search(folder)
    from bakeoff.tune.searching import search_values, side_sha256
    from bakeoff.tune.study import Outcome

    originals = val.originals()

    def objective(values: Mapping[str, Any], report: "Report") -> "Outcome":
        classifier = fit(with_values(params, values))
        predicted = classifier.probabilities(originals.values).argmax(axis=1)
        matrix = confusion_matrix(originals.labels, predicted, classifier.classes)
        return Outcome(float(cohen_kappa(matrix)), best_epoch=1, epochs=1)

    inputs = {"train": side_sha256(train), "val": side_sha256(val)}
    return search_values(folder, tuning, params, objective, inputs=inputs, seed=seed, stage=stage)
