"""Bootstrap resamples of the scores that rank pictures: no sums over groups, so drawn in full."""

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluate.intervals import Floats, group_counts
from bakeoff.scoring.probability_scores import weighted_areas

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


def _mean_defined(areas: Floats) -> Floats:
    """Mean over the first axis, the classes, of what is not NaN."""
    defined = ~np.isnan(areas)
    with np.errstate(invalid="ignore"):
        means: Floats = np.where(defined, areas, 0).sum(axis=0) / defined.sum(axis=0)
    return means
