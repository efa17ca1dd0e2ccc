"""Power of a comparison: the least detectable difference, and the pictures needed."""

from dataclasses import dataclass

from scipy import special

from bakeoff.evaluate.outcomes import Integers, effective_groups

POWER = 0.8
"""The chance of finding a difference of the least detectable size."""


@dataclass(frozen=True)
class Power:
    """The smallest difference in score that a comparison can detect.

    `standard_error` is of the difference of two models, by groups; `least_difference` is found with
    a chance of `POWER`, in the score's unit, on as many `pictures`.
    """

    standard_error: float
    least_difference: float
    pictures: int

    def pictures_needed(self, difference: float) -> float:
        """The number of pictures, grouped like these, at which `difference` is detectable.

        The standard error falls with the root of the number, so the number scales with the square.
        """
        return self.pictures * (self.least_difference / difference) ** 2


def detection_factor(rivals: int, groups: float, confidence: float = 0.95) -> float:
    """The difference, in standard errors, that is detected with probability `POWER`.

    The quantile of the two-sided test at `1 - confidence`, shared by `rivals` tests, plus that of
    the power. Student's quantiles with one degree of freedom less than there are groups.

    Example:
        >>> round(detection_factor(1, 1e9), 2), round(detection_factor(10, 1e9), 2)
        (2.8, 3.65)
        >>> round(detection_factor(1, 22), 2)
        2.94
    """
    freedom = max(1.0, groups - 1)
    tail = (1 - confidence) / (2 * rivals)
    return float(special.stdtrit(freedom, 1 - tail) + special.stdtrit(freedom, POWER))


def power(
    error: float,
    sizes: Integers,
    rivals: int,
    confidence: float = 0.95,
    parts: float = float("inf"),
) -> Power:
    """The power of a comparison of two models, one of `rivals` such comparisons.

    `error` is the standard error of the difference of their scores. `parts` are folds times
    repeats, whose test must agree; it has a degree of freedom less.
    """
    factor = detection_factor(rivals, min(effective_groups(sizes), parts), confidence)
    return Power(error, factor * error, int(sizes.sum()))
