"""Bootstrap resamples of the scores that rank pictures: no sums over groups, so drawn in full."""

import numpy as np
from numpy.typing import NDArray

from bakeoff.evidence.intervals import Floats, group_counts

# Weights of pictures at a time, 8 MB: what stays in a processor's cache is fast.
_AT_ONCE = 1_000_000


def resampled_areas(
    labels: NDArray[np.int64],
    probabilities: Floats,
    groups: NDArray[np.int64],
    resamples: int,
    seed: int,
) -> dict[str, Floats]:
    """`macro_auc` and `macro_average_precision` of resamples of whole groups.

    Args:
        labels: Shape `(n,)`.
        probabilities: Shape `(n, k)`.
        groups: Each picture's group, shape `(n,)`, in `0..g-1`.
        resamples: How many.
        seed: The draws are those of `intervals.resample_sums`.

    Returns:
        Arrays of shape `(resamples,)`; means over the classes that a resample holds.
    """
    parts = []
    for drawn in group_counts(int(groups.max()) + 1, resamples, seed):
        for some in np.array_split(drawn, -(-len(drawn) * len(labels) // _AT_ONCE)):
            weights = some[:, groups]
            areas = [
                weighted_areas(labels == c, probabilities[:, c], weights)
                for c in range(probabilities.shape[1])
            ]
            parts.append(_mean_defined(np.array(areas)))
    auc, precision = np.concatenate(parts, axis=1)
    return {"macro_auc": auc, "macro_average_precision": precision}


def weighted_areas(positive: NDArray[np.bool_], scores: Floats, weights: Floats) -> Floats:
    """Area under the ROC curve and average precision of one class, for many weightings at once.

    Args:
        positive: Whether a picture is of the class, shape `(n,)`.
        scores: Shape `(n,)`.
        weights: How often each picture counts, shape `(resamples, n)`.

    Returns:
        Shape `(2, resamples)`; NaN where no picture of the class, or no other, counts.
    """
    order = np.argsort(-scores, kind="stable")
    levels = np.flatnonzero(np.append(True, np.diff(scores[order]) != 0))
    sorted_weights = weights[:, order]
    mine = np.add.reduceat(sorted_weights * positive[order], levels, axis=1)
    others = np.add.reduceat(sorted_weights, levels, axis=1) - mine
    mine_above, others_above = mine.cumsum(axis=1), others.cumsum(axis=1)
    all_mine, all_others = mine_above[:, -1], others_above[:, -1]
    # Each of mine ranks above the others that come after it; of a tie, above half of them.
    won = (mine * (all_others[:, None] - others_above + others / 2)).sum(axis=1)
    precision = mine_above / np.maximum(mine_above + others_above, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        auc = won / (all_mine * all_others)
        average = (mine * precision).sum(axis=1) / all_mine
    return np.stack([auc, average])


def _mean_defined(areas: Floats) -> Floats:
    """Mean over the first axis, the classes, of what is not NaN."""
    defined = ~np.isnan(areas)
    with np.errstate(invalid="ignore"):
        means: Floats = np.where(defined, areas, 0).sum(axis=0) / defined.sum(axis=0)
    return means
