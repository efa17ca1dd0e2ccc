"""Paired tests of two models on the same pictures, valid for groups and for repeated training.

Predictions of one patient's pictures are correlated, so the test swaps whole groups.
"""

import numpy as np
from scipy import special  # not scipy.stats, which takes a second to import

from bakeoff.evaluate.intervals import fold_means
from bakeoff.evaluate.outcomes import Floats, Integers, Outcomes

# Differences that are not integers are rounded to at most this many steps of the largest; the
# distribution of the sum has at most this many steps.
_FINEST = 100
_LONGEST = 50_000


def sign_flip(differences: Integers, widen: float = 1.0) -> float:
    """The exact sign-flip test over groups, two-sided.

    If two models are equally good, swapping their outcomes on all pictures of a group only changes
    the sign of that group's difference. The p-value is the share of all `2^g` swaps whose total
    difference is at least the observed one. It is exact for any number of groups: the
    characteristic function of the swapped sum is `prod_g cos(d_g t)`, which one inverse Fourier
    transform turns into the distribution. With one picture in each group this is McNemar's test.

    `differences`, shape `(g,)`, are outcomes of the first model minus the second's, summed over the
    group; `widen` divides the observed total, for what varies beyond the test pictures.

    Example:
        >>> round(sign_flip(np.array([1, 1, 1, 1, 1])), 6)  # 2 of 32 swaps
        0.0625
    """
    steps = np.abs(differences[differences != 0]).astype(np.int64)
    if not len(steps):
        return 1.0
    reach = int(steps.sum())
    length = 2 * reach + 2
    turns = np.arange(length // 2 + 1) * (2 * np.pi / length)
    transform = np.ones(len(turns))
    for step, count in zip(*np.unique(steps, return_counts=True), strict=True):
        transform *= np.cos(step * turns) ** count
    chances = np.fft.irfft(transform, length)  # chances[s] is of the sum s, modulo length
    observed = int(np.ceil(abs(int(differences.sum())) / widen - 1e-9))
    if observed == 0:
        return 1.0
    tail = 2 * float(chances[observed : reach + 1].sum())
    return float(np.clip(tail, 2.0 ** (1 - len(steps)), 1.0))


def group_swap(differences: Floats, sizes: Integers, widen: float = 1.0) -> float:
    """The sign-flip test that large groups do not decide alone.

    The sum over pictures and the sum of the groups' differences divided by the square root of their
    size must both be extreme, so the larger p-value counts. With groups of one size the two are the
    same test. With a few large groups the first alone is too ready to find a difference where one
    model's errors fill whole groups. Differences may be of a loss, not whole numbers.
    """
    p_value = sign_flip(_steps(differences), widen)
    if (sizes == sizes[0]).all():
        return p_value
    return max(p_value, sign_flip(_steps(differences / np.sqrt(sizes)), widen))


def _steps(differences: Floats) -> Integers:
    """Differences as integers: unchanged, or in steps fine enough for the test."""
    whole = np.rint(differences)
    total = np.abs(differences).sum()
    if total <= _LONGEST and np.array_equal(whole, differences):
        return whole.astype(np.int64)
    scale = min(_FINEST / np.abs(differences).max(), _LONGEST / total)
    return np.rint(differences * scale).astype(np.int64)


def corrected_t(outcomes: Outcomes, first: int, second: int) -> float:
    """The corrected resampled t-test over folds and repeats (Nadeau and Bengio 2003), two-sided.

    A model that is trained again is another model, and the training parts of folds overlap, so that
    the folds' differences are correlated. Their variance is therefore multiplied by `1 / J + n_test
    / n_train` instead of `1 / J`, with `J` the number of folds times repeats.

    `first` and `second` are places in `outcomes.names`. The p-value is 1 without folds, with fewer
    than two of them, or without any difference.
    """
    error = corrected_error(outcomes, first, second)
    means = _fold_differences(outcomes, first, second)
    if np.isnan(error) or means.mean() == 0:
        return 1.0
    if error == 0:
        return 0.0
    return float(2 * special.stdtr(len(means) - 1, -abs(means.mean()) / error))


def corrected_error(outcomes: Outcomes, first: int, second: int) -> float:
    """The standard error of the corrected resampled t-test; NaN with fewer than two folds."""
    means = _fold_differences(outcomes, first, second)
    folds = len(means) / len(outcomes.right)
    if folds < 2:
        return float("nan")
    return float(np.sqrt(means.var(ddof=1) * (1 / len(means) + 1 / (folds - 1))))


def _fold_differences(outcomes: Outcomes, first: int, second: int) -> Floats:
    """The mean difference in each fold of each repeat; empty without folds."""
    if outcomes.folds is None:
        return np.zeros(0)
    right = outcomes.right.astype(np.float64)
    gained = right[:, first] - right[:, second]
    return np.concatenate([fold_means(g, f) for g, f in zip(gained, outcomes.folds, strict=True)])


def holm(p_values: Floats) -> Floats:
    """Adjust p-values for the number of tests (Holm 1979): compare the result with 1 - confidence.

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03]))
        array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * (len(p_values) - np.arange(len(p_values)))
    adjusted = np.empty_like(scaled)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted
