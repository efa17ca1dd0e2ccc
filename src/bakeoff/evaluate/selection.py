"""Tests that count how the best was found: on the same pictures, as one of many."""

from collections.abc import Iterator

import numpy as np

from bakeoff.evaluate.outcomes import Floats, Outcomes

# 64 MB of signs at a time, whatever the number of groups.
_SIGNS_AT_ONCE = 8_000_000


def worse_than_best(outcomes: Outcomes, draws: int, seed: int, widen: float = 1.0) -> Floats:
    """Test each model against the best of all, counting that the best was picked by its score.

    The lead of the picked model over another is compared with the distribution of the *range*,
    the lead of the best over the worst, when nobody is better. It is drawn by giving all models'
    differences in a group the same random sign, which keeps the models' correlations. (To permute
    the models' names within groups does not: where nine of ten models are nearly the same, it calls
    the tenth different in 13 to 19 % of cases.) Models that are worse leave the comparison one
    after the other, the worst first, as their own differences would hide the others'.

    As in `group_tests.group_swap`, large groups do not decide alone: the same is done with the
    groups' sums divided by the root of their size, and the larger p-value counts.

    Args:
        outcomes: Of two models or more.
        draws: How many random signs; all `2^g` of them where these are fewer.
        seed: Of the signs.
        widen: By which the leads are divided, for what varies beyond the test pictures.

    Returns:
        Shape `(m,)`, p-values adjusted for all models at once; 1 for the best.
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
    """The step-down range test of one statistic, shape `(m,)`.

    Args:
        sums: Of each group and model, shape `(g, m)`.
        best: The model that the others are compared with.
        draws: How many random signs.
        seed: Of the signs.
        widen: By which the leads are divided, for what varies beyond the test pictures.
    """
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
    # The observed signs are one of the draws, unless all were enumerated.
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
