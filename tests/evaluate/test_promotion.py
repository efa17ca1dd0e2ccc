"""The gate, with numbers that can be counted by hand."""

import numpy as np
import pytest

from bakeoff.evaluate.outcomes import Outcomes
from bakeoff.evaluate.promotion import judge, level_of

CHAMPION = [False] * 10 + [True] * 10


def gate(newcomer, groups=None, **more):
    right = np.array([newcomer, CHAMPION])
    groups = np.arange(20) if groups is None else groups
    outcomes = Outcomes(("newcomer", "champion"), right[None], groups)
    return judge(outcomes, **({"candidates": 1, "look": 1, "confidence": 0.95} | more))


def test_a_clear_gain_promotes():
    found = gate([True] * 20)
    assert found.promoted
    assert found.difference == 0.5
    assert found.p_value == pytest.approx(2 / 2**10)  # all ten groups on one side


def test_the_margin_must_be_exceeded_by_the_lower_bound():
    found = gate([True] * 20, margin=0.45)
    assert not found.promoted
    assert found.interval.low < 0.45 < found.difference
    assert "not shown to be better by more than 0.45" in found.reason


def test_pictures_of_one_group_count_once():
    assert not gate([True] * 20, np.array([0] * 10 + list(range(1, 11)))).promoted


def test_a_model_is_not_better_than_itself():
    found = gate(CHAMPION)
    assert (found.promoted, found.difference, found.p_value) == (False, 0.0, 1.0)


def test_a_worse_model_is_never_promoted():
    assert not gate([False] * 20).promoted


def test_the_best_of_many_and_a_late_newcomer_need_more():
    assert gate([True] * 20, candidates=10).p_value == pytest.approx(20 / 2**10)
    assert gate([True] * 20, candidates=10).promoted
    assert not gate([True] * 20, candidates=20).promoted
    assert gate([True] * 20, look=4).promoted  # level 0.0024
    assert not gate([True] * 20, look=5).promoted  # level 0.0017


def test_the_levels_sum_to_the_error_rate():
    levels = np.array([level_of(k, 0.05) for k in range(1, 20_001)])
    assert (np.diff(levels) < 0).all()
    tail = 0.05 / 2.2857657 * 20_000**-0.6 / 0.6  # the integral of k^-1.6 from there on
    assert levels.sum() + tail == pytest.approx(0.05, rel=1e-4)
