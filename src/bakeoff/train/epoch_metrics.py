"""The metrics that a training reports after every epoch, on both sides by the same formulas."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bakeoff.scoring import scores
from bakeoff.scoring.probability_scores import log_losses, roc_auc

_LOWER_IS_BETTER = ("loss", "fp_", "fn_", "objective")


def epoch_metrics(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], classes: Sequence[str]
) -> dict[str, float]:
    """Metrics of predictions, in a fixed order; undefined ones are NaN.

    `labels` have shape `(n,)`, `probabilities` `(n, k)`.

    Returns:
        `loss` (log loss in nats, without class weights or penalties, so that both sides can be
        compared), `accuracy`, `macro_precision`, `macro_recall`, `macro_f1`, `auc` (mean of each
        class against the rest), `cohen_kappa`, and `fp_<class>`, `fn_<class>` in pictures.
    """
    matrix = scores.confusion_matrix(labels, probabilities.argmax(axis=1), len(classes))
    false_positives = scores.false_positives(matrix)
    false_negatives = scores.false_negatives(matrix)
    metrics = {
        "loss": float(log_losses(labels, probabilities).mean()),
        "accuracy": float(scores.accuracy(matrix)),
        "macro_precision": float(scores.macro_precision(matrix)),
        "macro_recall": float(scores.macro_recall(matrix)),
        "macro_f1": float(scores.macro_f1(matrix)),
        "auc": float(scores.mean_defined(roc_auc(labels, probabilities))),
        "cohen_kappa": float(scores.cohen_kappa(matrix)),
    }
    metrics |= {f"fp_{name}": float(false_positives[i]) for i, name in enumerate(classes)}
    metrics |= {f"fn_{name}": float(false_negatives[i]) for i, name in enumerate(classes)}
    return metrics


def is_lower_better(metric: str) -> bool:
    """Whether a smaller value of `metric` (with or without `val_`) is the better one."""
    return metric.removeprefix("val_").startswith(_LOWER_IS_BETTER)
