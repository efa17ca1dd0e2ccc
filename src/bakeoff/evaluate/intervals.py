"""How sure a score is: bootstrap over groups, paired tests, many comparisons.

Pictures of one patient are alike, so the unit that is drawn, and swapped, is the group. A group's
contribution to every score is a handful of sums, so a resample is one row of group counts times
the matrix of those sums, and 2000 resamples are one matrix product.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special  # not scipy.stats, which takes a second to import

Floats = NDArray[np.float64]

# 64 MB of weights at a time, whatever the number of groups.
_WEIGHTS_AT_ONCE = 8_000_000


@dataclass(frozen=True)
class Interval:
    """A confidence interval; NaN where the resamples say nothing."""

    low: float
    high: float


def resample_sums(group_sums: Floats, resamples: int, seed: int) -> Floats:
    """Sum statistics over groups drawn with replacement.

    Args:
        group_sums: Shape `(groups, statistics)`, each group's contribution.
        resamples: How many draws of as many groups as there are.
        seed: The same seed and number of groups give the same draws, so two models' resamples
            are paired.

    Returns:
        Shape `(resamples, statistics)`.
    """
    draws = group_counts(len(group_sums), resamples, seed)
    return np.concatenate([counts @ group_sums for counts in draws])


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


def percentile_interval(samples: Floats, groups: int, confidence: float) -> Interval:
    """The expanded percentile interval of bootstrap samples.

    The plain percentile interval is too narrow for few groups; the tails are moved out so that it
    is as wide as Student's interval would be for a mean (Hesterberg 2015, "What teachers should
    know about the bootstrap", section 5.3.3).

    Args:
        samples: Shape `(resamples,)`; NaN is left out.
        groups: How many groups were drawn from.
        confidence: For example 0.95.

    Returns:
        NaN on both ends when there are fewer than two groups or no defined sample.
    """
    defined = samples[~np.isnan(samples)]
    if groups < 2 or not len(defined):
        return Interval(np.nan, np.nan)
    t = special.stdtrit(groups - 1, (1 + confidence) / 2)
    tail = special.ndtr(-np.sqrt(groups / (groups - 1)) * t)
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high))


def share_interval(samples: Floats, share: float, groups: int, confidence: float) -> Interval:
    """As `percentile_interval`, for a share; exact when nothing or everything is right.

    Resamples of a perfect score are all perfect and would claim certainty. There the bound is
    Clopper and Pearson's with the groups as trials: the share that would still give a perfect
    score with probability `(1 - confidence) / 2`.
    """
    if share not in (0.0, 1.0):
        return percentile_interval(samples, groups, confidence)
    bound = ((1 - confidence) / 2) ** (1 / groups)
    return Interval(bound, 1.0) if share else Interval(0.0, 1 - bound)


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> float:
    """McNemar's exact two-sided test that two models are right equally often, over pictures.

    Args:
        first_right: Shape `(n,)`, whether the first model is right.
        second_right: The same for the second, on the same pictures.

    Returns:
        The p-value; 1 when the models never disagree in being right.
    """
    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    # Twice the smaller tail: the binomial distribution of fair coins is symmetric.
    tail = special.bdtr(min(only_first, only_second), only_first + only_second, 0.5)
    return float(min(1.0, 2 * tail))


def group_swap(differences: NDArray[np.int64]) -> float:
    """McNemar's exact test made fair to groups.

    If the models are equally good, swapping their answers for all pictures of a group at once
    changes nothing but the sign of that group's difference. The p-value is the share of all `2^G`
    swaps that leave at least the observed total difference; it is counted exactly, by convolving
    the groups one after the other. With one picture in each group this is McNemar's test.

    Args:
        differences: Shape `(groups,)`: right answers of the first minus those of the second.
    """
    steps = np.abs(differences[differences != 0])
    if not len(steps):
        return 1.0
    # total[i] is the probability that the swapped sum, shifted by `reach`, is i.
    total, reach = np.ones(1), 0
    for step in np.sort(steps):
        reach += int(step)
        wider = np.zeros(2 * reach + 1)
        wider[: len(total)] += total / 2
        wider[2 * step :] += total / 2
        total = wider
    observed = abs(int(differences.sum()))
    sums = np.abs(np.arange(-reach, reach + 1))
    return float(min(1.0, total[sums >= observed].sum()))


def holm(p_values: Floats) -> Floats:
    """Adjust p-values for many comparisons (Holm 1979): compare the result with 1 - confidence."""
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * (len(p_values) - np.arange(len(p_values)))
    adjusted = np.empty_like(scaled)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted
