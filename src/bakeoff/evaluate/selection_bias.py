"""What the best of several models is worth, when the best was found on the same pictures."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluate.outcomes import Floats

# 64 MB of weights at a time, whatever the number of groups.
_WEIGHTS_AT_ONCE = 8_000_000


def out_of_bag_accuracy(
    right: Floats, groups: NDArray[np.int64], resamples: int, seed: int
) -> float:
    """The accuracy to expect of the model that is chosen as the best of several.

    The highest of several scores is high by luck as well. In each bootstrap resample the best
    model is chosen on the groups that were drawn and scored on those that were not, which had no
    part in the choice; the mean of these scores carries no such luck (Tsamardinos, Greasidou and
    Borboudakis 2018, "Bootstrapping the out-of-sample predictions for efficient and accurate
    cross-validation", Machine Learning 107). As a choice on fewer groups is a slightly worse one,
    it errs to the low side.

    Args:
        right: Each picture's outcome, the mean over repeats, shape `(models, pictures)`.
        groups: Each picture's group, shape `(pictures,)`, in `0..g-1`.
        resamples: How many.
        seed: Of the draws.

    Returns:
        A share; NaN for a single group.
    """
    count = int(groups.max()) + 1
    sums = [np.bincount(groups, r.astype(np.float64), count).astype(np.float64) for r in right]
    per_group = np.stack(sums, axis=1)
    pictures = np.bincount(groups, minlength=count).astype(np.float64)
    scores = [
        _scores_of_the_chosen(drawn, per_group, pictures)
        for drawn in group_counts(count, resamples, seed)
    ]
    every = np.concatenate(scores)
    return float(every.mean()) if len(every) else float("nan")


def _scores_of_the_chosen(drawn: Floats, right: Floats, pictures: Floats) -> Floats:
    """One score for each resample that leaves a group out.

    Args:
        drawn: How often each group is drawn, shape `(resamples, groups)`.
        right: Right answers, shape `(groups, models)`.
        pictures: Shape `(groups,)`.
    """
    left_out = (drawn == 0).astype(np.float64)
    held = left_out.any(axis=1)
    inside = drawn[held] @ right  # same pictures for all models, so sums rank as shares do
    outside = (left_out[held] @ right) / (left_out[held] @ pictures)[:, None]
    # Of models that tie each is as good a choice: taking the first would favour some.
    chosen = inside == inside.max(axis=1, keepdims=True)
    means: Floats = (outside * chosen).sum(axis=1) / chosen.sum(axis=1)
    return means


def group_counts(groups: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Blocks of shape `(block, groups)`: how often each group is drawn."""
    generator = np.random.default_rng(seed)
    block = max(1, _WEIGHTS_AT_ONCE // groups)
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = generator.integers(groups, size=(rows, groups))
        drawn += np.arange(rows)[:, None] * groups
        counts = np.bincount(drawn.ravel(), minlength=rows * groups)
        yield counts.reshape(rows, groups).astype(np.float64)
