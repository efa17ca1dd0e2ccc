"""What `dvc plots` draws: small tables that stand in git, one for all models."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.evaluate.comparison import Contender
from bakeoff.report.hardest_classes import shown_classes
from bakeoff.report.plots.curves import precision_recall_points, roc_points
from bakeoff.runtime.tables import write_table
from bakeoff.scoring.predictions import Predictions

_MODELS = 8  # with curves, the most accurate ones; more lines cannot be told apart
_CLASSES = 12  # with curves, the hardest ones if there are more
_POINTS = 60  # of a curve
_OF_CLASS = ("recall", "precision", "specificity", "f1")
_OF_EPOCH = ["model", "side", "epoch", "loss", "accuracy"]
_OF_TRIAL = ["model", "trial", "state", "cohen_kappa", "best"]

Points = Callable[[Predictions, int], tuple[NDArray[np.float64], ...]]


def write_plot_data(
    folder: Path,
    trained: Sequence[Contender],
    searches: Mapping[str, pd.DataFrame],
    histories: Mapping[str, pd.DataFrame],
) -> None:
    """Write a CSV file for each plot of `dvc.yaml`.

    Models are best first; `searches` hold `trials.csv` of those that were searched, `histories` the
    epochs of those that were trained in epochs.
    """
    best = trained[:_MODELS]
    classes = shown_classes((c.card.per_class["recall"] for c in best), _CLASSES) if best else []
    tables = {
        "accuracy": [_accuracy(c) for c in trained],
        "confusion": [_confusion(c) for c in trained],
        "reliability": [_reliability(c) for c in trained],
        "roc": [_curves(c, classes, roc_points, "fpr", "tpr") for c in best],
        "precision_recall": [
            _curves(c, classes, precision_recall_points, "recall", "precision") for c in best
        ],
        "per_class": [_per_class(c, classes) for c in best],
        "learning": [_epochs(histories)],
        "search": [_trials(searches)],
    }
    for name, parts in tables.items():
        write_table(pd.concat(parts).round(5), folder / f"{name}.csv")


def _accuracy(contender: Contender) -> pd.DataFrame:
    interval = contender.intervals["accuracy"]
    score = contender.card.overall["accuracy"]
    row = {"model": contender.name, "accuracy": score, "low": interval.low, "high": interval.high}
    return pd.DataFrame([row])


def _confusion(contender: Contender) -> pd.DataFrame:
    """A row for each cell with an image; counts are means over repeats."""
    classes, matrix = np.array(contender.predictions.classes), contender.card.matrix
    true, predicted = np.nonzero(matrix)
    return pd.DataFrame(
        {
            "model": contender.name,
            "actual": classes[true],
            "predicted": classes[predicted],
            "images": matrix[true, predicted],
            "share": matrix[true, predicted] / matrix.sum(axis=1)[true],
        }
    )


def _reliability(contender: Contender) -> pd.DataFrame:
    bins = contender.card.reliability
    found = {"confidence": bins.confidence, "accuracy": bins.accuracy, "images": bins.counts}
    place = {"class": "all classes", "step": range(len(bins.confidence))}
    return pd.DataFrame({"model": contender.name} | place | found)


def _per_class(contender: Contender, classes: Sequence[int]) -> pd.DataFrame:
    """Recall with its interval, precision and specificity of each class."""
    scores = {name: contender.card.per_class[name][classes] for name in _OF_CLASS}
    ends = [contender.recalls[place] for place in classes]
    interval = {"low": [e.low for e in ends], "high": [e.high for e in ends]}
    names = [contender.predictions.classes[place] for place in classes]
    return pd.DataFrame({"model": contender.name, "class": names} | scores | interval)


def _epochs(histories: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Loss and accuracy of both sides, a row for each side and epoch."""
    parts = [pd.DataFrame(columns=_OF_EPOCH)]
    for name, history in histories.items():
        for side, start in {"training": "", "validation": "val_"}.items():
            facts = {"model": name, "side": side, "epoch": history["epoch"]}
            scores = {score: history[f"{start}{score}"] for score in ("loss", "accuracy")}
            parts.append(pd.DataFrame(facts | scores))
    return pd.concat(parts[1:] or parts)


def _curves(
    contender: Contender, classes: Sequence[int], points: Points, x_name: str, y_name: str
) -> pd.DataFrame:
    """Each class against the rest, at points evenly taken from the curve."""
    predictions = contender.predictions
    parts = [pd.DataFrame(columns=["model", "class", "step", x_name, y_name])]
    for label in classes:
        held = int((predictions.labels == label).sum())
        if 0 < held < len(predictions.labels):
            x, y = points(predictions, label)
            kept = np.unique(np.linspace(0, len(x) - 1, min(_POINTS, len(x))).round().astype(int))
            facts = {
                "model": contender.name,
                "class": predictions.classes[label],
                "step": range(len(kept)),
            }
            parts.append(pd.DataFrame(facts | {x_name: x[kept], y_name: y[kept]}))
    return pd.concat(parts[1:] or parts)


def _trials(searches: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Every trial's kappa and the best so far, of all models in one table."""
    parts = [
        trials.assign(
            model=name,
            trial=trials["number"],
            best=trials["cohen_kappa"].where(trials["state"] == "complete").cummax().ffill(),
        )[_OF_TRIAL]
        for name, trials in searches.items()
    ]
    return pd.concat(parts) if parts else pd.DataFrame(columns=_OF_TRIAL)
