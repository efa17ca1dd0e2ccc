"""How each group moves the scores that rank pictures: AUC and average precision."""

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluate.intervals import Estimate
from bakeoff.evaluate.outcomes import Floats, Integers


def ranking_estimates(
    labels: Integers, probabilities: Floats, groups: Integers
) -> dict[str, Estimate]:
    """`macro_auc` and `macro_average_precision`, each class against the rest, then the mean.

    One sort for each class, so memory is that of a few columns whatever the number of classes.

    Args:
        labels: Shape `(n,)`, in `0..k-1`.
        probabilities: Shape `(n, k)`.
        groups: Each picture's group, shape `(n,)`, in `0..g-1`.

    Returns:
        NaN with an influence of zero where no class has both a picture and another class's.
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
    """AUC and average precision of one class, and how each *picture* moves them.

    The AUC moves by DeLong, DeLong and Clarke-Pearson's (1988) placements: the share of the other
    class that a picture ranks rightly with, less the AUC. Summed over groups this is Obuchowski's
    (1997) variance for clustered data. The average precision `sum_i precision_i / P` moves with a
    picture's own precision and with that of every positive at or below it.

    Args:
        positive: Shape `(n,)`, both values occurring.
        scores: Shape `(n,)`.
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
    """Sums of each value and all after it."""
    return values[::-1].cumsum()[::-1]
