"""Confidence intervals from each group's influence on a score, without resampling."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bakeoff.evaluate.outcomes import Floats, Integers, Outcomes, effective_groups

Scale = Literal["proportion", "share", "correlation", "loss", "difference"]

FOLDS_WIDEN = 1.25
"""Least factor on standard errors from folds, for what varies with the training pictures."""

_LEAST_FREEDOM = 4.0


@dataclass(frozen=True)
class Interval:
    """A confidence interval; NaN on both ends if unknown."""

    low: float
    high: float


UNKNOWN = Interval(float("nan"), float("nan"))


@dataclass(frozen=True)
class Estimate:
    """A score and each group's influence on it."""

    value: float  # the score
    # Shape `(g,)`, sums to zero: the derivative of the score by the group's weight (infinitesimal
    # jackknife). For a mean over pictures it is `(sum - n * mean) / N`.
    influence: Floats

    def standard_error(self, sizes: Integers) -> float:
        """The jackknife over groups, to first order: `sqrt((g - 1) / g * sum (u N / (N - n))^2)`.

        With groups of one size, `sizes` of shape `(g,)`, this is the usual cluster-robust error; a
        large group counts more. NaN for a single group.
        """
        groups, pictures = len(sizes), sizes.sum()
        if groups < 2:
            return float("nan")
        left_out = self.influence * pictures / (pictures - sizes)
        return float(np.sqrt((groups - 1) / groups * (left_out**2).sum()))


def mean_estimate(values: Floats, groups: Integers) -> Estimate:
    """The mean of `values`, shape `(n,)`, by group, shape `(n,)` in `0..g-1`."""
    mean = float(values.mean())
    return Estimate(mean, np.bincount(groups, values - mean) / len(values))


def folds_widening(outcomes: Outcomes, model: int) -> float:
    """The factor on a model's standard errors from folds: `FOLDS_WIDEN`, more if it is unstable.

    All pictures of a fold share a training, whose luck the groups do not show. The variance of the
    mean over folds and repeats is therefore at least that by groups plus that of the folds' means
    over their number. `model` is a place in `outcomes.names`.
    """
    if outcomes.folds is None:
        return 1.0
    means = np.concatenate(
        [fold_means(r, f) for r, f in zip(outcomes.right[:, model], outcomes.folds, strict=True)]
    )
    by_groups = mean_estimate(outcomes.per_picture[model], outcomes.groups)
    error = by_groups.standard_error(outcomes.sizes)
    if not error > 0:
        return FOLDS_WIDEN
    of_folds = float(means.var(ddof=1)) / len(means)
    return max(FOLDS_WIDEN, float(np.sqrt(1 + of_folds / error**2)))


def fold_means(values: NDArray[np.generic], folds: Integers) -> Floats:
    """The mean of `values` in every fold that has a picture; both arrays of shape `(n,)`."""
    counts = np.bincount(folds)
    sums = np.bincount(folds, values.astype(np.float64))
    return sums[counts > 0] / counts[counts > 0]


def student_interval(
    estimate: Estimate,
    sizes: Integers,
    *,
    confidence: float,
    scale: Scale,
    widen: float = 1.0,
) -> Interval:
    """Student's interval on a scale where the score has no bounds.

    The scale is the logit of a share (`share`), the logarithm of a loss, the inverse hyperbolic
    tangent of a kappa (`correlation`), or the score itself (`difference`). A `proportion` is a
    share that is a mean of outcomes: its interval is no wider than Korn and Graubard's (1998),
    because Student's is far too wide where one group holds the only error. `widen` multiplies the
    standard error, and divides trials by its square. Degrees of freedom are one less than
    `influential_groups`, and four at least where there are so many groups.

    No group has an influence on a share of 0 or 1. There the bound is Clopper and Pearson's with
    the effective groups as trials, and for a correlation of 1 twice that bound less one. `UNKNOWN`
    for a single group or an undefined score.
    """
    value, error = estimate.value, widen * estimate.standard_error(sizes)
    if np.isnan(value) or np.isnan(error):
        return UNKNOWN
    if error == 0 and scale not in ("loss", "difference") and value in (0.0, 1.0):
        return _exact(value, effective_groups(sizes) / widen**2, confidence, scale)
    freedom = _freedom(estimate, sizes)
    half = float(special.stdtrit(freedom, (1 + confidence) / 2)) * error
    student = _around(value, half, scale if error > 0 else "difference")
    if scale != "proportion" or error == 0:
        return student
    trials = min(effective_groups(sizes) / widen**2, value * (1 - value) / error**2)
    exact = _binomial(value, trials, confidence)
    return Interval(max(student.low, exact.low), min(student.high, exact.high))


def _around(value: float, half: float, scale: Scale) -> Interval:
    """The interval of a half width that is symmetric on a scale."""
    if scale == "difference":
        return Interval(value - half, value + half)
    if scale == "loss":
        factor = np.exp(half / value)
        return Interval(float(value / factor), float(value * factor))
    if scale == "correlation":
        center, half = np.arctanh(value), half / (1 - value**2)
        return Interval(float(np.tanh(center - half)), float(np.tanh(center + half)))
    center, half = special.logit(value), half / (value * (1 - value))
    return Interval(float(special.expit(center - half)), float(special.expit(center + half)))


def _binomial(value: float, trials: float, confidence: float) -> Interval:
    """Clopper and Pearson's interval of a share of a number of trials that need not be whole."""
    hits, tail = value * trials, (1 - confidence) / 2
    low = special.betaincinv(hits, trials - hits + 1, tail)
    high = special.betaincinv(hits + 1, trials - hits, 1 - tail)
    return Interval(float(low), float(high))


def influential_groups(estimate: Estimate, sizes: Integers) -> float:
    """The number of groups of equal weight that an estimate's standard error is based on.

    It is the effective number of groups, or less if a few groups contain most of the errors. Then
    the influences `u` have a high fourth moment, and `3 (sum u^2)^2 / sum u^4` is small (for normal
    influences it is the number of groups).
    """
    squares = estimate.influence**2
    groups = effective_groups(sizes)
    if not squares.any():
        return groups
    return float(min(groups, 3 * squares.sum() ** 2 / (squares**2).sum()))


def _freedom(estimate: Estimate, sizes: Integers) -> float:
    most = max(1.0, effective_groups(sizes) - 1)
    return min(most, max(_LEAST_FREEDOM, influential_groups(estimate, sizes) - 1))


def _exact(value: float, groups: float, confidence: float, scale: Scale) -> Interval:
    bound = ((1 - confidence) / 2) ** (1 / groups)
    if value == 0:
        return UNKNOWN if scale == "correlation" else Interval(0.0, 1 - bound)
    return Interval(2 * bound - 1 if scale == "correlation" else bound, 1.0)
