"""Interpret a learning curve: would more labelled pictures help?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from bakeoff.evaluate.intervals import mean_estimate
from bakeoff.evaluate.outcomes import Floats, Outcomes, effective_groups

Reading = Literal["still rising", "flat", "cannot be told"]

SMALL_GAIN = 0.01
"""A doubling of the training pictures that brings less than this is called flat."""

_LAST = 3  # number of sizes in the slope; earlier ones do not describe the end of the curve


@dataclass(frozen=True)
class CurveReading:
    """The gain at the end of a learning curve.

    `gain` is of the score with every doubling of the training part, over its three largest sizes;
    `low` and `high` bound it.
    """

    gain: float
    low: float
    high: float

    @property
    def reading(self) -> Reading:
        """Flat if the upper bound is below `SMALL_GAIN`; still rising if the lower is above 0."""
        if self.high < SMALL_GAIN:
            return "flat"
        return "still rising" if self.low > 0 else "cannot be told"


def read_outcomes(
    fractions: Sequence[float],
    outcomes: Outcomes,
    *,
    confidence: float = 0.95,
    widen: float = 1.0,
) -> CurveReading:
    """Read a curve from the outcomes of the models trained on each fraction, on the same pictures.

    `fractions` of the training part rise; `outcomes` hold a "model" for each, in the same order.
    `widen` multiplies the standard error, for what varies beyond the test pictures.
    """
    weights, sizes = _slope_weights(fractions), outcomes.sizes
    gained = weights @ outcomes.per_picture[-len(weights) :]
    estimate = mean_estimate(gained, outcomes.groups)
    freedom = max(1.0, effective_groups(sizes) - 1)
    quantile = float(special.stdtrit(freedom, (1 + confidence) / 2))
    return _reading(estimate.value, widen * estimate.standard_error(sizes), quantile)


def _reading(gain: float, error: float, quantile: float) -> CurveReading:
    return CurveReading(gain, gain - quantile * error, gain + quantile * error)


def _slope_weights(fractions: Sequence[float]) -> Floats:
    """Weights that make the least-squares slope per doubling of the last scores."""
    doublings = np.log2(np.asarray(fractions, np.float64)[-_LAST:])
    centred = doublings - doublings.mean()
    weights: Floats = centred / (centred**2).sum()
    return weights
