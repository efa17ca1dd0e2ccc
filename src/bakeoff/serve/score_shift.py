"""Whether a model scores differently on new pictures than on the test side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from bakeoff.evaluate.intervals import Estimate, Interval, mean_estimate, student_interval
from bakeoff.evaluate.outcomes import Floats, Integers, effective_groups


@dataclass(frozen=True)
class ScoredSide:
    """Which predictions are right, and the pictures' groups; both of shape `(n,)`."""

    right: Floats
    groups: Integers

    @property
    def estimate(self) -> Estimate:
        """The accuracy."""
        return mean_estimate(self.right, self.groups)

    @property
    def sizes(self) -> Integers:
        """The number of pictures of each group."""
        return np.bincount(self.groups).astype(np.int64)

    def interval(self, confidence: float) -> Interval:
        """The confidence interval of the accuracy, by groups."""
        return student_interval(
            self.estimate, self.sizes, confidence=confidence, scale="proportion"
        )


def side_of(table: pd.DataFrame, groups: Sequence[str]) -> ScoredSide:
    """The outcomes of a table with `label` and `predicted`."""
    right = np.asarray(table["label"] == table["predicted"], np.float64)
    return ScoredSide(right, np.unique(list(groups), return_inverse=True)[1].astype(np.int64))


def shift(new: ScoredSide, old: ScoredSide, confidence: float) -> tuple[float, Interval]:
    """The difference of two accuracies on different pictures, and Welch's interval, by groups.

    The interval is unknown where one side has a single group. Its degrees of freedom are Welch's
    (1947), from the effective number of groups of each side.
    """
    errors = [side.estimate.standard_error(side.sizes) ** 2 for side in (new, old)]
    difference = new.estimate.value - old.estimate.value
    variance = float(np.sum(errors))
    if variance == 0:
        return difference, Interval(difference, difference)
    freedom = [max(1.0, effective_groups(side.sizes) - 1) for side in (new, old)]
    welch = variance**2 / sum(e**2 / f for e, f in zip(errors, freedom, strict=True))
    half = float(stats.t.ppf((1 + confidence) / 2, welch) * np.sqrt(variance))
    return difference, Interval(difference - half, difference + half)


def sentence_of_shift(new: ScoredSide, old: ScoredSide, confidence: float) -> str:
    """Whether the model is shown to be worse or better than on the test side."""
    difference, interval = shift(new, old, confidence)
    numbers = (
        f"{new.estimate.value:.3f} here, {old.estimate.value:.3f} on the test side: "
        f"{difference * 100:+.1f} points"
    )
    if np.isnan(interval.low):
        return f"{numbers}; too few groups to tell chance from a shift"
    ends = f"{interval.low * 100:+.1f} to {interval.high * 100:+.1f}"
    within = f"{confidence * 100:g} % interval {ends}"
    if interval.high < 0 or interval.low > 0:
        return f"{numbers} ({within}), shown to be {'worse' if difference < 0 else 'better'}"
    return f"{numbers} ({within}), no difference shown"
