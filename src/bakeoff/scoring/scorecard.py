"""Every score of one model on one side, and the files that keep those of the validation side."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.runtime.files import write_json, writing_file
from bakeoff.scoring import probability_scores as ranked
from bakeoff.scoring import scores
from bakeoff.scoring.predictions import Predictions, write_predictions

TOP_K = (3, 5)
CLASSES_FOR_TOP_K = 5  # above this many classes, being among the first few means something


@dataclass(frozen=True)
class Scorecard:
    """What one model's predictions are worth; NaN where a score is undefined."""

    matrix: NDArray[np.float64]  # (k, k) confusion counts
    overall: Mapping[str, float]
    per_class: Mapping[str, NDArray[np.float64]]  # score -> (k,)
    reliability: ranked.Reliability


def scorecard(predictions: Predictions) -> Scorecard:
    """Score predictions."""
    labels, probabilities = predictions.labels, predictions.probabilities
    k = len(predictions.classes)
    matrix = scores.confusion_matrix(labels, predictions.predicted, k)
    bins = ranked.reliability(labels, probabilities)
    areas = ranked.roc_auc(labels, probabilities)
    averages = ranked.average_precision(labels, probabilities)
    overall = {name: float(score(matrix)) for name, score in scores.OVERALL.items()}
    overall |= {
        "macro_auc": float(scores.mean_defined(areas)),
        "macro_average_precision": float(scores.mean_defined(averages)),
        "log_loss": float(ranked.log_losses(labels, probabilities).mean()),
        "brier": float(ranked.brier_losses(labels, probabilities).mean()),
        "calibration_error": bins.expected_calibration_error,
    }
    if k > CLASSES_FOR_TOP_K:
        overall |= {
            f"top_{n}_accuracy": float(ranked.among_likeliest(labels, probabilities, n).mean())
            for n in TOP_K
        }
    per_class = {name: score(matrix) for name, score in scores.PER_CLASS.items()}
    per_class |= {"auc": areas, "average_precision": averages, "pictures": matrix.sum(axis=1)}
    return Scorecard(matrix, overall, per_class, bins)


def mean_scorecard(repeats: Sequence[Predictions]) -> Scorecard:
    """The mean over repeats of every score; reliability over all of their predictions together."""
    cards = [scorecard(predictions) for predictions in repeats]
    if len(cards) == 1:
        return cards[0]
    labels = np.concatenate([p.labels for p in repeats])
    bins = ranked.reliability(labels, np.concatenate([p.probabilities for p in repeats]))
    overall = {n: float(np.mean([c.overall[n] for c in cards])) for n in cards[0].overall}
    return Scorecard(
        np.mean([card.matrix for card in cards], axis=0),
        overall | {"calibration_error": bins.expected_calibration_error},
        {name: np.mean([c.per_class[name] for c in cards], axis=0) for name in cards[0].per_class},
        bins,
    )


def finite_or_none(values: Mapping[str, float]) -> dict[str, float | None]:
    """For JSON, which has no NaN: undefined scores become null, whole numbers stay short."""
    return {name: float(v) if math.isfinite(v) else None for name, v in values.items()}


def write_validation(folder: Path, predictions: Predictions) -> Scorecard:
    """Write predictions, scores and confusion matrix of the validation side into `folder`."""
    card = scorecard(predictions)
    write_predictions(folder / "val_predictions.csv", predictions)
    write_json(folder / "metrics.json", finite_or_none(card.overall))
    write_confusion(folder / "confusion_matrix.csv", card.matrix, predictions.classes)
    return card


def write_confusion(path: Path, matrix: NDArray[np.float64], classes: tuple[str, ...]) -> None:
    """Write counts, one row per true class, one column per predicted class."""
    table = pd.DataFrame(matrix.astype(np.int64), index=list(classes), columns=list(classes))
    with writing_file(path) as partial:
        table.to_csv(partial, index_label="true", lineterminator="\n")
