"""Scores of predicted probabilities: ranking, likelihood and calibration.

`probabilities` has shape `(n, k)`, rows summing to one; `labels` has shape `(n,)`, in `0..k-1`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

CALIBRATION_BINS = 15

# A forest may give the true class a probability of zero, whose logarithm is infinite. As in
# scikit-learn, probabilities are clipped one float32 step above zero.
_SMALLEST = float(np.finfo(np.float32).eps)


def roc_auc(labels: Labels, probabilities: Floats) -> Floats:
    """Area under the ROC curve, each class against the rest, shape `(k,)`.

    The probability that a picture of the class ranks above one of the others, ties counting half
    (Mann-Whitney). NaN for a class that holds none or all of the pictures.

    Example:
        Of the four pairs of a picture of class 1 and one of class 0, three are ranked correctly.

        >>> labels = np.array([0, 0, 1, 1])
        >>> of_class_1 = np.array([0.1, 0.4, 0.35, 0.8])
        >>> roc_auc(labels, np.column_stack([1 - of_class_1, of_class_1]))
        array([0.75, 0.75])
    """
    return _areas(labels, probabilities)[:, 0]


def average_precision(labels: Labels, probabilities: Floats) -> Floats:
    """Average precision, each class against the rest, shape `(k,)`; NaN without a picture.

    The sum of precision over the steps of recall, without interpolation, as in scikit-learn.

    Example:
        Class 1 is found at ranks 1 and 3: (1/1 + 2/3) / 2.

        >>> labels = np.array([0, 0, 1, 1])
        >>> of_class_1 = np.array([0.1, 0.4, 0.35, 0.8])
        >>> average_precision(labels, np.column_stack([1 - of_class_1, of_class_1])).round(3)
        array([0.833, 0.833])
    """
    return _areas(labels, probabilities)[:, 1]


def _areas(labels: Labels, probabilities: Floats) -> Floats:
    """Both areas of each class, shape `(k, 2)`."""
    return np.array(
        [_class_areas(labels == c, probabilities[:, c]) for c in range(probabilities.shape[1])]
    )


def _class_areas(positive: NDArray[np.bool_], scores: Floats) -> tuple[float, float]:
    """Area under the ROC curve and average precision of one class."""
    true, false = _counts_above(positive, scores)
    mine, others = np.diff(true, prepend=0), np.diff(false, prepend=0)
    if not true[-1]:
        return np.nan, np.nan
    average = float((mine * true / (true + false)).sum() / true[-1])
    if not false[-1]:
        return np.nan, average
    # Each of the class ranks above the others that come after it; of a tie, above half of them.
    won = float((mine * (false[-1] - false + others / 2)).sum())
    return won / (true[-1] * false[-1]), average


def roc_curve(positive: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """False and true positive rates at every threshold, highest first, from (0, 0) to (1, 1).

    Example:
        >>> roc_curve(np.array([False, True, True]), np.array([0.4, 0.35, 0.8]))
        (array([0., 0., 1., 1.]), array([0. , 0.5, 0.5, 1. ]))
    """
    true, false = _counts_above(positive, scores)
    start = np.zeros(1)
    return (
        np.concatenate([start, false / max(1, (~positive).sum())]),
        np.concatenate([start, true / max(1, positive.sum())]),
    )


def precision_recall_curve(positive: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """Precision and recall at every threshold, highest first.

    Example:
        >>> precision_recall_curve(np.array([False, True]), np.array([0.4, 0.8]))
        (array([1. , 0.5]), array([1., 1.]))
    """
    true, false = _counts_above(positive, scores)
    return true / (true + false), true / max(1, positive.sum())


def _counts_above(positive: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """True and false positives at or above each distinct score, highest first."""
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.diff(scores[order]) != 0, True)
    true = np.cumsum(positive[order])[last_of_tie].astype(np.float64)
    return true, np.flatnonzero(last_of_tie) + 1.0 - true


def log_losses(labels: Labels, probabilities: Floats) -> Floats:
    """Cross-entropy of each picture, in nats, shape `(n,)`.

    Example:
        >>> log_losses(np.array([0, 1]), np.array([[1.0, 0.0], [0.5, 0.5]])).round(4)
        array([0.    , 0.6931])
    """
    clipped = np.clip(probabilities, _SMALLEST, None)
    clipped /= clipped.sum(axis=1, keepdims=True)
    losses: Floats = -np.log(clipped[np.arange(len(labels)), labels])
    return losses


def brier_losses(labels: Labels, probabilities: Floats) -> Floats:
    """Squared distance to the truth summed over the classes (Brier 1950), in 0..2, shape `(n,)`.

    Example:
        >>> brier_losses(np.array([0, 0]), np.array([[0.5, 0.5], [0.0, 1.0]]))
        array([0.5, 2. ])
    """
    truth = np.eye(probabilities.shape[1])[labels]
    losses: Floats = ((probabilities - truth) ** 2).sum(axis=1)
    return losses


def among_likeliest(labels: Labels, probabilities: Floats, k: int) -> Floats:
    """1 where a picture's class is among the `k` most probable, else 0; ties go to lower labels.

    Example:
        >>> probabilities = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
        >>> among_likeliest(np.array([1, 2]), probabilities, k=2)
        array([1., 0.])
    """
    likeliest = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return (likeliest == labels[:, None]).any(axis=1).astype(np.float64)


@dataclass(frozen=True)
class Reliability:
    """Accuracy of the predicted class by its predicted probability, the confidence.

    Bins have equal width over 0..1; empty bins are left out.
    """

    counts: NDArray[np.int64]
    confidence: Floats  # mean in the bin
    accuracy: Floats  # in the bin

    @property
    def expected_calibration_error(self) -> float:
        """Mean gap between confidence and accuracy, weighted by pictures (Guo et al. 2017)."""
        gaps = np.abs(self.confidence - self.accuracy)
        return float((gaps * self.counts).sum() / self.counts.sum())


def reliability(labels: Labels, probabilities: Floats, bins: int = CALIBRATION_BINS) -> Reliability:
    """Bin the pictures by the confidence of their predicted class.

    Example:
        Two pictures with confidence 0.9, one of them correct: a gap of 0.4.

        >>> bins = reliability(np.array([0, 1]), np.array([[0.9, 0.1], [0.9, 0.1]]))
        >>> bins.counts, bins.confidence, bins.accuracy
        (array([2]), array([0.9]), array([0.5]))
        >>> round(bins.expected_calibration_error, 3)
        0.4
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    # Bins are open below and closed above, as in Guo et al.
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(index, minlength=bins)
    held = counts > 0
    return Reliability(
        counts[held],
        np.bincount(index, confidence, bins)[held] / counts[held],
        np.bincount(index, right.astype(np.float64), bins)[held] / counts[held],
    )


def calibration_error_by_chance(
    repeats: Sequence[Floats], draws: int = 200, seed: int = 0, bins: int = CALIBRATION_BINS
) -> float:
    """The calibration error that a perfectly calibrated model shows on as many pictures.

    Right answers are drawn as often as the confidence says, and a picture's outcomes in all
    repeats, of shape `(n, k)` each, together, as much alike as they can be; the mean over `draws`.

    Example:
        Four pictures of confidence 0.5: the share of right answers is off by 0.1875 on average.

        >>> error = calibration_error_by_chance([np.full((4, 2), 0.5)], draws=20_000)
        >>> round(error, 2)
        0.19
    """
    confidence = np.concatenate([p.max(axis=1) for p in repeats])
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    generator = np.random.default_rng(seed)
    errors = []
    for _ in range(draws):
        chance = np.tile(generator.random(len(repeats[0])), len(repeats))
        gaps = np.bincount(index, (chance < confidence) - confidence, bins)
        errors.append(np.abs(gaps).sum() / len(confidence))
    return float(np.mean(errors))
