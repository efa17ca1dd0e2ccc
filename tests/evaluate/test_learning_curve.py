import numpy as np
import pytest

from bakeoff.evaluate.learning_curve import read_curve, read_outcomes
from bakeoff.evaluate.outcomes import Outcomes

FRACTIONS = (0.0625, 0.125, 0.25, 0.5, 1.0)


@pytest.mark.parametrize(
    ("scores", "error", "reading"),
    [
        ((0.5, 0.6, 0.7, 0.75, 0.8), 0.005, "still rising"),
        ((0.5, 0.7, 0.8, 0.801, 0.8), 0.002, "flat"),
        ((0.5, 0.6, 0.7, 0.75, 0.8), 0.06, "cannot be told"),
        ((0.5, 0.7, 0.8, 0.79, 0.78), 0.002, "flat"),
    ],
)
def test_readings(scores, error, reading):
    found = read_curve(FRACTIONS, np.array(scores), np.full(5, error))
    assert found.reading == reading
    assert found.gain == pytest.approx((scores[4] - scores[2]) / 2)  # two doublings
    assert found.high - found.gain == pytest.approx(1.96 * error / np.sqrt(2), rel=1e-3)


def test_outcomes_on_the_same_pictures_tell_more_than_scores_alone():
    generator = np.random.default_rng(0)
    hard = generator.random(600)
    right = np.stack([hard < share for share in (0.5, 0.6, 0.7, 0.75, 0.8)])
    outcomes = Outcomes(tuple("abcde"), right[None], np.repeat(np.arange(200), 3))
    paired = read_outcomes(FRACTIONS, outcomes)
    errors = np.sqrt(outcomes.scores * (1 - outcomes.scores) / 600)
    apart = read_curve(FRACTIONS, outcomes.scores, errors)
    assert paired.gain == pytest.approx(apart.gain)
    assert paired.high - paired.low < 0.7 * (apart.high - apart.low)
    assert paired.reading == "still rising"
    wide = read_outcomes(FRACTIONS, outcomes, widen=1.25)
    assert wide.high - wide.gain == pytest.approx(1.25 * (paired.high - paired.gain))
