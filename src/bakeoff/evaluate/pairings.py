"""Paired conclusions about two models, for the comparison and for the champion.

A model is called better or worse only if all tests agree. Over the groups of test pictures this is
the sign-flip test. With folds the sum is first divided by `FOLDS_WIDEN`, and the corrected
resampled t-test over folds and repeats must agree, because a retrained learner is another model.
Both are corrected for the number of rivals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from bakeoff.evaluate.group_tests import corrected_error, corrected_t, group_swap, holm
from bakeoff.evaluate.intervals import (
    FOLDS_WIDEN,
    Estimate,
    Interval,
    mean_estimate,
    student_interval,
)
from bakeoff.evaluate.outcomes import Floats, Outcomes
from bakeoff.evaluate.power import Power, power
from bakeoff.evaluate.selection import worse_than_best

Conclusion = Literal["better", "worse", "no difference shown"]


@dataclass(frozen=True)
class Pairing:
    """A model against a rival on the same pictures; differences are in the mean outcome."""

    model: str  # the one model
    rival: str  # the other
    difference: float  # model minus rival
    # Of the difference; with `confidence` all intervals of the family hold at once. In folds it
    # holds those of both tests.
    interval: Interval
    group_p: float  # of the sign-flip test over groups, for this pair alone
    fold_p: float  # of the corrected resampled t-test, for this pair alone; NaN without folds
    p_adjusted: float  # the larger of the two after correction for the family; conclusions use it
    power: Power  # the power of this pair's comparison
    confidence: float  # for example 0.95

    @property
    def conclusion(self) -> Conclusion:
        """The conclusion about `model`."""
        if self.p_adjusted > 1 - self.confidence or self.difference == 0:
            return "no difference shown"
        return "better" if self.difference > 0 else "worse"


def against_rival(outcomes: Outcomes, rival: str, confidence: float) -> tuple[Pairing, ...]:
    """Every other model against a rival named in advance, with Holm's correction."""
    pairs = _pairs(outcomes, rival)
    group_p = np.array([_group_p(outcomes, *pair) for pair in pairs])
    return _family(
        outcomes,
        pairs,
        group_p,
        group_adjusted=holm(group_p),
        choices=len(pairs),
        confidence=confidence,
    )


def against_best(
    outcomes: Outcomes, best: str, confidence: float, *, draws: int, seed: int
) -> tuple[Pairing, ...]:
    """Every other model against the best, which was picked on these same pictures.

    `best` has the highest score (of a tie any) of all models in `outcomes`, all of which were in
    the selection; `draws` and `seed` are of `selection.worse_than_best`.
    """
    pairs = _pairs(outcomes, best)
    if not pairs:
        return ()
    group_p = np.array([_group_p(outcomes, *pair) for pair in pairs])
    selected = worse_than_best(outcomes, draws, seed, _widen(outcomes))
    adjusted = np.array([selected[model] for model, _ in pairs])
    choices = len(outcomes.names) * (len(outcomes.names) - 1) // 2
    return _family(
        outcomes,
        pairs,
        group_p,
        group_adjusted=np.maximum(group_p, adjusted),
        choices=choices,
        confidence=confidence,
    )


def _widen(outcomes: Outcomes) -> float:
    return 1.0 if outcomes.folds is None else FOLDS_WIDEN


def _pairs(outcomes: Outcomes, rival: str) -> list[tuple[int, int]]:
    place = outcomes.names.index(rival)
    return [(model, place) for model in range(len(outcomes.names)) if model != place]


def _group_p(outcomes: Outcomes, model: int, rival: int) -> float:
    sums = outcomes.group_sums
    return group_swap(sums[model] - sums[rival], outcomes.sizes, _widen(outcomes))


def _family(
    outcomes: Outcomes,
    pairs: Sequence[tuple[int, int]],
    group_p: Floats,
    *,
    group_adjusted: Floats,
    choices: int,
    confidence: float,
) -> tuple[Pairing, ...]:
    """Pairings whose tests over folds agree with those over groups.

    `group_p` is of each pair alone, `group_adjusted` corrected for the family; the intervals hold
    for `choices` pairs at once.
    """
    fold_p = np.array([corrected_t(outcomes, *pair) for pair in pairs])
    together = 1 - (1 - confidence) / max(1, choices)
    apiece = 1 - (1 - confidence) / max(1, len(pairs))
    adjusted = group_adjusted
    if outcomes.folds is not None:
        adjusted = np.maximum(group_adjusted, holm(fold_p))
    found = []
    for place, (model, rival) in enumerate(pairs):
        gained = outcomes.per_picture[model] - outcomes.per_picture[rival]
        estimate, sizes = mean_estimate(gained, outcomes.groups), outcomes.sizes
        widen = _widen(outcomes)
        error = widen * estimate.standard_error(sizes)
        error = float(np.fmax(error, corrected_error(outcomes, model, rival)))
        found.append(
            Pairing(
                outcomes.names[model],
                outcomes.names[rival],
                estimate.value,
                _interval(outcomes, (model, rival), estimate, together, apiece),
                float(group_p[place]),
                float("nan") if outcomes.folds is None else float(fold_p[place]),
                float(adjusted[place]),
                power(error, sizes, len(pairs), confidence, outcomes.parts),
                confidence,
            )
        )
    return tuple(found)


def _interval(
    outcomes: Outcomes,
    pair: tuple[int, int],
    estimate: Estimate,
    confidence: float,
    of_folds: float,
) -> Interval:
    """Student's over groups, extended by that of the test over folds, as both must agree.

    A difference of mean outcomes is -1 to 1. `confidence` and `of_folds` are those of one interval,
    each corrected as its test is.
    """
    widen = _widen(outcomes)
    groups = student_interval(
        estimate, outcomes.sizes, confidence=confidence, scale="difference", widen=widen
    )
    error = corrected_error(outcomes, *pair)
    if np.isnan(error):
        return Interval(*np.clip((groups.low, groups.high), -1, 1).tolist())
    half = float(special.stdtrit(outcomes.parts - 1, (1 + of_folds) / 2)) * error
    low, high = estimate.value - half, estimate.value + half
    ends = np.fmin(groups.low, low), np.fmax(groups.high, high)
    return Interval(*np.clip(ends, -1, 1).tolist())
