"""The gate, with numbers that can be counted by hand."""

import numpy as np
import pytest

from bakeoff.params.evidence import EvaluateParams
from bakeoff.scoring.predictions import Predictions
from bakeoff.tracking.promotion import judge

PARAMS = EvaluateParams(bootstrap=500)


def predictions(right: list[bool]) -> Predictions:
    labels = np.zeros(len(right), np.int64)
    said = np.where(np.array(right), 0, 1)
    ids = np.array([f"{i:032x}" for i in range(len(right))])
    return Predictions(("a", "b"), ids, labels, np.eye(2)[said])


def test_a_clear_gain_promotes():
    champion = predictions([False] * 10 + [True] * 10)
    verdict = judge(predictions([True] * 20), champion, np.arange(20), PARAMS, seed=1)
    assert verdict.promoted
    assert verdict.difference == 0.5
    assert verdict.p_value == pytest.approx(2 / 2**10)  # all ten groups on one side


def test_the_margin_must_be_exceeded_by_the_lower_bound():
    champion = predictions([False] * 10 + [True] * 10)
    strict = EvaluateParams(bootstrap=500, promote_margin=0.45)
    verdict = judge(predictions([True] * 20), champion, np.arange(20), strict, seed=1)
    assert not verdict.promoted
    assert verdict.interval.low < 0.45 < verdict.difference
    assert "not shown to be better by more than 0.45" in verdict.reason


def test_pictures_of_one_group_count_once():
    champion = predictions([False] * 10 + [True] * 10)
    groups = np.array([0] * 10 + list(range(1, 11)))
    assert not judge(predictions([True] * 20), champion, groups, PARAMS, seed=1).promoted


def test_a_model_is_not_better_than_itself():
    same = predictions([True, False] * 10)
    verdict = judge(same, same, np.arange(20), PARAMS, seed=1)
    assert (verdict.promoted, verdict.difference, verdict.p_value) == (False, 0.0, 1.0)


def test_other_pictures_are_refused():
    with pytest.raises(ValueError, match="different pictures"):
        judge(predictions([True] * 3), predictions([True] * 4), np.arange(3), PARAMS, seed=1)
