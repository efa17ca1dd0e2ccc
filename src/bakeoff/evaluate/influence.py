"""Each group's influence on every overall score of a model.

A score's influence function is its derivative by the weight of a picture. Summed over the pictures
of a group it gives a cluster-robust standard error (infinitesimal jackknife, Efron 1982) without
resampling. The cost is linear in the number of pictures, independent of the number of classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluate.intervals import Estimate, Scale, influential_groups, mean_estimate
from bakeoff.evaluate.outcomes import Floats, Integers, effective_groups
from bakeoff.scoring import probability_scores as ranked
from bakeoff.scoring.predictions import Predictions
from bakeoff.scoring.scorecard import CLASSES_FOR_TOP_K, TOP_K

_LOSSES = ("log_loss", "brier")
_CORRELATIONS = ("cohen_kappa", "matthews")
_PROPORTIONS = ("accuracy", *(f"top_{n}_accuracy" for n in TOP_K))
# Whose intervals are too narrow where a few groups decide them, in simulation.
_PEAKED = (*_LOSSES, "macro_auc", "macro_average_precision")


def scale_of(score: str) -> Scale:
    """The scale on which a score's interval is symmetric."""
    if score in _LOSSES:
        return "loss"
    if score in _CORRELATIONS:
        return "correlation"
    return "proportion" if score in _PROPORTIONS else "share"


def groups_behind(score: str, estimate: Estimate, sizes: Integers) -> float:
    """On how many effective groups a score's interval rests; below `FEW_GROUPS` it is warned of.

    For losses and areas these are the groups with influence. The intervals of scores of a confusion
    matrix hold with fewer (`docs/evaluation.md`), so there all groups count.
    """
    return influential_groups(estimate, sizes) if score in _PEAKED else effective_groups(sizes)


def score_estimates(repeats: Sequence[Predictions], groups: Integers) -> dict[str, Estimate]:
    """Every overall score but the calibration error, the mean over repeats of the same pictures.

    The calibration error is left out, because noise within its bins never cancels and makes any
    interval wrong.
    `groups` has shape `(n,)`, in `0..g-1`, every group used.
    """
    single = [_estimates(predictions, groups) for predictions in repeats]
    return {name: _mean([estimates[name] for estimates in single]) for name in single[0]}


def recall_estimates(repeats: Sequence[Predictions], groups: Integers) -> list[Estimate]:
    """The recall of each class, over the groups that hold a picture of it; NaN without one."""
    labels = repeats[0].labels
    right = np.mean([predictions.right for predictions in repeats], axis=0)
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=len(repeats[0].classes)))
    estimates = []
    for rows in np.split(order, ends[:-1]):
        own = np.unique(groups[rows], return_inverse=True)[1].astype(np.int64)
        empty = Estimate(float("nan"), np.zeros(0))
        estimates.append(mean_estimate(right[rows], own) if len(rows) else empty)
    return estimates


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    return Estimate(
        float(np.mean([e.value for e in estimates])),
        np.mean([e.influence for e in estimates], axis=0),
    )


def _estimates(predictions: Predictions, groups: Integers) -> dict[str, Estimate]:
    labels, probabilities = predictions.labels, predictions.probabilities
    values: dict[str, Floats] = {
        "accuracy": predictions.right.astype(np.float64),
        "log_loss": ranked.log_losses(labels, probabilities),
        "brier": ranked.brier_losses(labels, probabilities),
    }
    if len(predictions.classes) > CLASSES_FOR_TOP_K:
        values |= {
            f"top_{n}_accuracy": ranked.among_likeliest(labels, probabilities, n) for n in TOP_K
        }
    estimates = {name: mean_estimate(value, groups) for name, value in values.items()}
    estimates |= {
        name: Estimate(value, np.bincount(groups, influence).astype(np.float64))
        for name, (value, influence) in class_score_influences(
            labels, predictions.predicted, len(predictions.classes)
        ).items()
    }
    return estimates | ranking_estimates(labels, probabilities, groups)


@dataclass(frozen=True)
class _Counts:
    """Counts of each class, shape `(k,)`, and of each picture's own classes, shape `(n,)`."""

    hit: NDArray[np.bool_]  # (n,), whether a picture is right
    labels: Integers
    predicted: Integers
    right: Floats  # (k,)
    true: Floats
    guessed: Floats

    def mean_over(self, classes: NDArray[np.bool_], by_right: Floats, by_true: Floats,
                  by_guessed: Floats) -> Floats:  # fmt: skip
        """Influences on the mean over classes of a score with these derivatives, shape `(n,)`."""
        moved = self.hit * by_right[self.labels] + by_true[self.labels] + by_guessed[self.predicted]
        influence: Floats = moved / classes.sum()
        return influence


def class_score_influences(
    labels: Integers, predicted: Integers, k: int
) -> Mapping[str, tuple[float, Floats]]:
    """The scores of a confusion matrix, each with every picture's influence on it, shape `(n,)`.

    Labels and predictions have shape `(n,)`, in `0..k-1`; an undefined score is NaN.
    """
    hit = labels == predicted
    right, true, guessed = (
        np.bincount(which, minlength=k).astype(np.float64)
        for which in (labels[hit], labels, predicted)
    )
    counts = _Counts(hit, labels, predicted, right, true, guessed)
    return _class_means(counts) | _agreements(counts)


def _class_means(c: _Counts) -> dict[str, tuple[float, Floats]]:
    """Balanced accuracy, and the macro averages."""
    held, zero = c.true + c.guessed > 0, np.zeros(len(c.true))
    recall, precision = _over(c.right, c.true), _over(c.right, c.guessed)
    both = c.true + c.guessed
    f1 = _over(2 * c.right, both)
    by_f1 = -_over(f1, both)
    present = c.true > 0

    def of_recall(classes: NDArray[np.bool_]) -> tuple[float, Floats]:
        slopes = _over(np.ones(len(zero)), c.true), -_over(recall, c.true), zero
        return float(recall[classes].mean()), c.mean_over(classes, *slopes)

    of_precision = _over(np.ones(len(zero)), c.guessed), zero, -_over(precision, c.guessed)
    return {
        "balanced_accuracy": of_recall(present),
        "macro_recall": of_recall(held),
        "macro_precision": (float(precision[held].mean()), c.mean_over(held, *of_precision)),
        "macro_f1": (
            float(f1[held].mean()),
            c.mean_over(held, _over(np.full(len(zero), 2.0), both), by_f1, by_f1),
        ),
    }


def _agreements(c: _Counts) -> dict[str, tuple[float, Floats]]:
    """Cohen's kappa and Matthews' correlation."""
    total, hits = c.true.sum(), c.right.sum()
    chance = (c.true * c.guessed).sum()
    by_chance = c.guessed[c.labels] + c.true[c.predicted]
    above, below = total * hits - chance, total**2 - chance
    by_above = hits + total * c.hit - by_chance
    kappa, by_kappa = float("nan"), np.zeros(len(c.labels))
    if below > 0:
        kappa = float(above / below)
        by_kappa = (by_above - kappa * (2 * total - by_chance)) / below
    spread_true, spread_guessed = total**2 - (c.true**2).sum(), total**2 - (c.guessed**2).sum()
    matthews, by_matthews = 0.0, np.zeros(len(c.labels))
    if spread_true > 0 and spread_guessed > 0:
        root = np.sqrt(spread_true * spread_guessed)
        matthews = float(above / root)
        by_spread = (total - c.true[c.labels]) / spread_true
        by_spread += (total - c.guessed[c.predicted]) / spread_guessed
        by_matthews = by_above / root - matthews * by_spread
    return {"cohen_kappa": (kappa, by_kappa), "matthews": (matthews, by_matthews)}


def _over(above: Floats, below: Floats) -> Floats:
    """`above / below`, zero where `below` is."""
    return np.divide(above, below, out=np.zeros(len(below)), where=below > 0)


def ranking_estimates(
    labels: Integers, probabilities: Floats, groups: Integers
) -> dict[str, Estimate]:
    """`macro_auc` and `macro_average_precision`, each class against the rest, then the mean.

    It sorts once per class, so it needs the memory of a few columns for any number of classes.
    Labels and groups have shape `(n,)`, probabilities `(n, k)`. NaN with an influence of zero where
    no class has both a picture and another class's.
    """
    count = int(groups.max()) + 1
    sums = np.zeros((2, count))
    values: list[tuple[float, float]] = []
    held = np.unique(labels)
    for label in held if len(held) > 1 else []:
        area, precision = picture_influences(labels == label, probabilities[:, label])
        values.append((area.value, precision.value))
        sums[0] += np.bincount(groups, area.influence, count)
        sums[1] += np.bincount(groups, precision.influence, count)
    means = np.mean(values, axis=0) if values else np.full(2, np.nan)
    names = ("macro_auc", "macro_average_precision")
    return {
        name: Estimate(float(mean), influence / max(1, len(values)))
        for name, mean, influence in zip(names, means, sums, strict=True)
    }


def picture_influences(positive: NDArray[np.bool_], scores: Floats) -> tuple[Estimate, Estimate]:
    """AUC and average precision of one class, and each *picture's* influence on them.

    The AUC moves by DeLong, DeLong and Clarke-Pearson's (1988) placements: the share of the other
    class that a picture ranks rightly with, less the AUC. Summed over groups this is Obuchowski's
    (1997) variance for clustered data. The average precision `sum_i precision_i / P` moves with a
    picture's own precision and with that of every positive at or below it.

    Both arrays have shape `(n,)`; `positive` takes both values.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    level = np.cumsum(np.append(False, np.diff(ordered) != 0))  # equal scores share a level
    mine = np.bincount(level, positive[order])
    others = np.bincount(level) - mine
    mine_above, others_above = mine.cumsum(), others.cumsum()
    all_mine, all_others = mine_above[-1], others_above[-1]
    won = (all_others - others_above + others / 2) / all_others
    lost = (mine_above - mine / 2) / all_mine
    auc = float((mine * won).sum() / all_mine)
    is_mine = positive[order]
    influence = np.where(is_mine, (won[level] - auc) / all_mine, (lost[level] - auc) / all_others)

    above = mine_above + others_above
    precision = mine_above / above
    average = float((mine * precision).sum() / all_mine)
    gained = _from_below(mine / above)  # by one more positive at this level or above
    diluted = _from_below(mine * precision / above)  # by one more picture there
    shift = np.where(is_mine, precision[level] - average + gained[level], 0.0) - diluted[level]
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return Estimate(auc, influence[back]), Estimate(average, shift[back] / all_mine)


def _from_below(values: Floats) -> Floats:
    """Sums of each value and all later ones."""
    return values[::-1].cumsum()[::-1]
