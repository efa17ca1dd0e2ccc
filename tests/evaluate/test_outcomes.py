import numpy as np
import pytest

from bakeoff.evaluate.outcomes import Outcomes, effective_groups


def outcomes() -> Outcomes:
    right = np.array([[[1, 0, 1], [0, 0, 1]], [[1, 1, 1], [0, 0, 0]]])
    return Outcomes(("a", "b"), right, np.array([0, 0, 1]))


def test_outcomes_are_means_over_repeats_and_sums_over_groups():
    found = outcomes()
    assert found.per_picture == pytest.approx(np.array([[1, 0.5, 1], [0, 0, 0.5]]))
    assert found.scores == pytest.approx(np.array([2.5 / 3, 0.5 / 3]))
    assert found.group_sums.tolist() == [[3, 2], [0, 1]]
    assert found.sizes.tolist() == [2, 1]
    assert found.only(["b"]).group_sums.tolist() == [[0, 1]]


def test_shapes_that_do_not_agree_are_refused():
    with pytest.raises(ValueError, match="1 models and 3 pictures"):
        Outcomes(("a",), np.ones((1, 2, 3)), np.arange(3))
    with pytest.raises(ValueError, match=r"folds has shape \(1, 2\), not \(1, 3\)"):
        Outcomes(("a",), np.ones((1, 1, 3)), np.arange(3), np.zeros((1, 2), int))


def test_one_large_group_is_worth_little():
    assert effective_groups(np.array([4, 4, 4])) == 3
    assert effective_groups(np.array([8, 1, 1])) == pytest.approx(100 / 66)
