"""Whether a model scores differently on new pictures than on the test side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bakeoff.evaluate.intervals import Estimate, Interval, mean_estimate, student_interval
from bakeoff.evaluate.outcomes import Floats, Integers


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
    """The difference of two accuracies on different pictures, and its interval, by groups.

    The ends come from those of the two accuracies (Newcombe 1998, method 10; Zou and Donner 2008):
    unlike Welch's interval, this one stays within the possible, and a few pictures that are all
    right do not count as certain. It is unknown where one side has a single group.
    """
    difference = new.estimate.value - old.estimate.value
    here, there = new.interval(confidence), old.interval(confidence)
    above_here, below_here = here.high - new.estimate.value, new.estimate.value - here.low
    above_there, below_there = there.high - old.estimate.value, old.estimate.value - there.low
    low = difference - float(np.hypot(below_here, above_there))
    high = difference + float(np.hypot(above_here, below_there))
    return difference, Interval(low, high)


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
