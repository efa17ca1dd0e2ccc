import numpy as np
import pytest
from scipy import stats

from bakeoff.serve.score_shift import ScoredSide, sentence_of_shift, shift


def test_a_shift_is_welchs_test_where_each_picture_is_a_group():
    generator = np.random.default_rng(1)
    new, old = (
        ScoredSide((generator.random(n) < p).astype(float), np.arange(n))
        for n, p in ((80, 0.6), (60, 0.9))
    )
    difference, interval = shift(new, old, 0.95)
    theirs = stats.ttest_ind(new.right, old.right, equal_var=False).confidence_interval(0.95)
    assert difference == pytest.approx(new.right.mean() - old.right.mean())
    assert (interval.low, interval.high) == pytest.approx((theirs.low, theirs.high), rel=1e-6)
    assert "shown to be worse" in sentence_of_shift(new, old, 0.95)
    assert "no difference shown" in sentence_of_shift(old, old, 0.95)
    one = ScoredSide(np.array([1.0, 0.0]), np.array([0, 0]))
    assert "too few groups" in sentence_of_shift(one, old, 0.95)


def test_groups_widen_the_interval_of_a_shift():
    right = np.repeat([1.0, 0.0, 1.0, 1.0], 10)
    old = ScoredSide(np.tile([1.0, 0.0, 1.0, 1.0], 10), np.arange(40))
    alone = shift(ScoredSide(right, np.arange(40)), old, 0.95)[1]
    grouped = shift(ScoredSide(right, np.arange(40) // 10), old, 0.95)[1]
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
