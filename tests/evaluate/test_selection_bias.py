"""What the best of several is worth: by hand, and in a world where the truth is known."""

import numpy as np
import pytest
from scipy.stats import norm

from bakeoff.evaluate import selection_bias as choice
from bakeoff.evaluate.selection_bias import out_of_bag_accuracy


def test_the_best_is_chosen_inside_and_scored_outside(monkeypatch):
    # Three groups of 2, 1 and 1 pictures; two models.
    right = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], bool)
    groups = np.array([0, 0, 1, 2])
    draws = np.array([[2, 1, 0], [0, 1, 2], [1, 1, 1], [0, 3, 0]], float)
    monkeypatch.setattr(choice, "group_counts", lambda *_: iter([draws]))
    # The first model wins the first draw and fails group 2; the second wins the next and fails
    # group 0; the third leaves nothing out; of the fourth 1 of 3 pictures left out is right.
    assert out_of_bag_accuracy(right, groups, 4, 0) == pytest.approx((0 + 0 + 1 / 3) / 3)


def test_of_models_that_tie_each_counts():
    generator = np.random.default_rng(0)
    right = generator.random(60) < 0.7
    alone = out_of_bag_accuracy(right[None], np.arange(60), 500, 1)
    assert out_of_bag_accuracy(np.stack([right] * 3), np.arange(60), 500, 1) == alone
    assert alone == pytest.approx(right.mean(), abs=0.01)


def test_a_single_group_leaves_nothing_to_score():
    assert np.isnan(out_of_bag_accuracy(np.ones((2, 5), bool), np.zeros(5, int), 100, 0))


def world(generator, abilities, groups=120):
    """Right answers of models whose accuracies are known, alike within a group of two."""
    luck = generator.normal(size=(len(abilities), groups, 1))
    own = generator.normal(size=(len(abilities), groups, 2))
    level = norm.ppf(abilities)[:, None, None]
    return ((luck + own) / np.sqrt(2) < level).reshape(len(abilities), -1)


@pytest.mark.slow
@pytest.mark.parametrize("abilities", [[0.8] * 10, [0.7] * 9 + [0.9]])
def test_equal_models_are_not_flattered_and_a_clear_winner_is_not_belittled(abilities):
    generator = np.random.default_rng(5)
    groups = np.arange(120).repeat(2)
    seen, corrected = [], []
    for run in range(300):
        right = world(generator, abilities)
        seen.append(right.mean(axis=1).max())
        corrected.append(out_of_bag_accuracy(right, groups, 200, run))
    error = 3 * np.std(corrected) / np.sqrt(300)
    assert np.mean(corrected) == pytest.approx(max(abilities), abs=max(error, 0.004))
    if abilities[0] == max(abilities):
        assert np.mean(seen) > max(abilities) + 0.03  # what it would have been without
