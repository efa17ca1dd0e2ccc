import numpy as np
import pytest
from scipy import stats

from bakeoff.evaluate.learning_curve import CurveReading, read_outcomes
from bakeoff.evaluate.outcomes import Outcomes

FRACTIONS = (0.0625, 0.125, 0.25, 0.5, 1.0)


@pytest.mark.parametrize(
    ("low", "high", "reading"),
    [(0.02, 0.08, "still rising"), (-0.003, 0.002, "flat"), (-0.01, 0.11, "cannot be told")],
)
def test_readings(low, high, reading):
    assert CurveReading((low + high) / 2, low, high).reading == reading


def test_the_gain_by_hand():
    hard = np.random.default_rng(0).random(600)
    right = np.stack([hard < share for share in (0.5, 0.6, 0.7, 0.75, 0.8)])
    outcomes = Outcomes(tuple("abcde"), right[None], np.repeat(np.arange(200), 3))
    found = read_outcomes(FRACTIONS, outcomes)
    assert found.gain == pytest.approx((outcomes.scores[4] - outcomes.scores[2]) / 2)
    # Every group has three pictures: the error is that of the mean over the groups' means.
    means = ((right[4].astype(float) - right[2]) / 2).reshape(200, 3).mean(axis=1)
    half = stats.t.ppf(0.975, 199) * means.std(ddof=1) / np.sqrt(200)
    assert found.high - found.gain == pytest.approx(half)
    assert found.reading == "still rising"
    wide = read_outcomes(FRACTIONS, outcomes, widen=1.25)
    assert wide.high - wide.gain == pytest.approx(1.25 * half)
