"""What having picked the best on the same pictures does to tests and to its score."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluate.outcomes import Floats, Outcomes

# 64 MB of signs at a time, for any number of groups.
_SIGNS_AT_ONCE = 8_000_000


def worse_than_best(outcomes: Outcomes, draws: int, seed: int, widen: float = 1.0) -> Floats:
    """Test each model against the best of all, counting that the best was picked by its score.

    The lead of the picked model over another is compared with the distribution of the *range*, the
    lead of the best over the worst, when nobody is better. It is drawn by giving all models'
    differences in a group the same random sign, which keeps the models' correlations. (To permute
    the models' names within groups does not: where nine of ten models are nearly the same, it calls
    the tenth different in 13 to 19 % of cases.) Models that are worse leave the comparison one
    after the other, the worst first, as their own differences would hide the others'.

    As in `group_tests.group_swap`, large groups do not decide alone: the same is done with the
    groups' sums divided by the root of their size, and the larger p-value counts. All `2^g` signs
    are used where these are fewer than `draws`; `widen` divides the leads.

    Returns p-values adjusted for all models at once, shape `(m,)`; 1 for the best.
    """
    sums = outcomes.group_sums.T  # (g, m)
    sizes = outcomes.sizes
    best = int(sums.sum(axis=0).argmax())
    p_values = _range_test(sums, best, draws, seed, widen)
    if (sizes == sizes[0]).all():
        return p_values
    return np.maximum(
        p_values, _range_test(sums / np.sqrt(sizes)[:, None], best, draws, seed, widen)
    )


def _range_test(sums: Floats, best: int, draws: int, seed: int, widen: float) -> Floats:
    """The step-down range test of one statistic, shape `(g, m)`; p-values of shape `(m,)`."""
    totals = sums.sum(axis=0)
    leads = (totals[best] - totals) / widen
    order = np.argsort(leads, kind="stable")  # the models left when the i-th is tested: order[:i+1]
    centred = (sums - sums.mean(axis=1, keepdims=True))[:, order]
    reached, drawn = np.zeros(len(order)), 0
    tolerance = 1e-9 * max(1.0, float(np.abs(sums).sum()))
    for signs in _signs(len(sums), draws, seed):
        swapped = signs @ centred
        ranges = np.maximum.accumulate(swapped, axis=1) - np.minimum.accumulate(swapped, axis=1)
        reached += (ranges >= leads[order] - tolerance).sum(axis=0)
        drawn += len(signs)
    # The observed signs count as one of the draws, unless all are enumerated.
    extra = 0 if _all_are_few(len(sums), draws) else 1
    stepwise = np.maximum.accumulate((reached + extra)[::-1] / (drawn + extra))[::-1]
    p_values = np.empty(len(order))
    p_values[order] = stepwise
    p_values[best] = 1.0
    return p_values


def _all_are_few(groups: int, draws: int) -> bool:
    return groups <= 62 and 2**groups <= draws


def _signs(groups: int, draws: int, seed: int) -> Iterator[Floats]:
    """Blocks of signs, shape `(block, groups)`: all there are, or `draws` random ones."""
    block = max(1, _SIGNS_AT_ONCE // groups)
    if _all_are_few(groups, draws):
        every = np.arange(2**groups)[:, None] >> np.arange(groups) & 1
        yield (1 - 2 * every).astype(np.float64)
        return
    generator = np.random.default_rng(seed)
    for start in range(0, draws, block):
        rows = min(block, draws - start)
        yield (1 - 2 * generator.integers(0, 2, (rows, groups), dtype=np.int8)).astype(np.float64)


# 64 MB of weights at a time, for any number of groups.
_WEIGHTS_AT_ONCE = 8_000_000


def out_of_bag_accuracy(
    right: Floats, groups: NDArray[np.int64], resamples: int, seed: int
) -> float:
    """The accuracy to expect of the model that is selected as the best of several; a share.

    The highest of several scores is high by luck as well. In each bootstrap resample the best model
    is selected on the groups that were drawn and scored on those that were not; the mean of these
    scores carries no such luck (Tsamardinos, Greasidou and Borboudakis 2018, "Bootstrapping the
    out-of-sample predictions for efficient and accurate cross-validation", Machine Learning 107).
    Selection on fewer groups is slightly worse, so it errs to the low side.

    `right` holds each picture's outcome, the mean over repeats, shape `(models, pictures)`;
    `groups` each picture's group, shape `(pictures,)`, in `0..g-1`. NaN for a single group.
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

    `drawn` is how often each group is drawn, shape `(resamples, groups)`; `right` has shape
    `(groups, models)`.
    """
    left_out = (drawn == 0).astype(np.float64)
    held = left_out.any(axis=1)
    inside = drawn[held] @ right  # same pictures for all models, so sums rank as shares do
    outside = (left_out[held] @ right) / (left_out[held] @ pictures)[:, None]
    # Models that tie are averaged; taking the first would favour some.
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
