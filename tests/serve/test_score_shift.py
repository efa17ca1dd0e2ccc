import numpy as np
import pytest
from scipy import stats

from bakeoff.serve.score_shift import ScoredSide, sentence_of_shift, shift


def test_a_shift_of_many_pictures_is_near_welchs_test():
    generator = np.random.default_rng(1)
    new, old = (
        ScoredSide((generator.random(n) < p).astype(float), np.arange(n))
        for n, p in ((800, 0.6), (600, 0.9))
    )
    difference, interval = shift(new, old, 0.95)
    theirs = stats.ttest_ind(new.right, old.right, equal_var=False).confidence_interval(0.95)
    assert difference == pytest.approx(new.right.mean() - old.right.mean())
    assert (interval.low, interval.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)
    assert "shown to be worse" in sentence_of_shift(new, old, 0.95)
    assert "no difference shown" in sentence_of_shift(old, old, 0.95)
    one = ScoredSide(np.array([1.0, 0.0]), np.array([0, 0]))
    assert "too few groups" in sentence_of_shift(one, old, 0.95)


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_two_pictures_of_one_outcome_show_no_difference(outcome):
    old = ScoredSide(np.tile([1.0, 1.0, 0.0], 20), np.arange(60))
    new = ScoredSide(np.full(2, outcome), np.arange(2))
    _, interval = shift(new, old, 0.95)
    assert -1 <= interval.low < 0 < interval.high <= 1
    assert "no difference shown" in sentence_of_shift(new, old, 0.95)


def test_groups_widen_the_interval_of_a_shift():
    right = np.repeat([1.0, 0.0, 1.0, 1.0], 10)
    old = ScoredSide(np.tile([1.0, 0.0, 1.0, 1.0], 10), np.arange(40))
    alone = shift(ScoredSide(right, np.arange(40)), old, 0.95)[1]
    grouped = shift(ScoredSide(right, np.arange(40) // 10), old, 0.95)[1]
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
