from itertools import product

import numpy as np
import pytest
from scipy.stats import norm

from bakeoff.evaluate import selection
from bakeoff.evaluate.group_tests import sign_flip
from bakeoff.evaluate.outcomes import Outcomes
from bakeoff.evaluate.selection import out_of_bag_accuracy, worse_than_best


def of(right, groups=None) -> Outcomes:
    right = np.asarray(right)
    groups = np.arange(right.shape[1]) if groups is None else groups
    return Outcomes(tuple(f"m{m}" for m in range(len(right))), right[None], groups)


def test_of_two_models_it_is_the_sign_flip_test():
    right = np.array([[1] * 9 + [0], [0] * 6 + [1] * 4])
    expected = sign_flip(right[0] - right[1])
    assert worse_than_best(of(right), 2000, 0).tolist() == [1, pytest.approx(expected)]


def test_every_flip_of_few_groups_is_counted():
    generator = np.random.default_rng(3)
    right = generator.random((4, 8)) < np.array([0.9, 0.6, 0.6, 0.2])[:, None]
    found = worse_than_best(of(right), 256, 0)
    flips = np.array(list(product([-1, 1], repeat=8)))
    sums, best = right.sum(axis=1), right.sum(axis=1).argmax()
    last = sums.argmin()
    ranges = np.ptp(flips @ (right - right.mean(axis=0)).T, axis=1)
    assert found[last] == pytest.approx((ranges >= sums[best] - sums[last] - 1e-9).mean())


def test_a_hopeless_model_does_not_hide_a_bad_one():
    generator = np.random.default_rng(1)
    right = generator.random((3, 300)) < np.array([0.9, 0.75, 0.1])[:, None]
    p_values = worse_than_best(of(right), 2000, 0)
    alone = worse_than_best(of(right[:2]), 2000, 0)
    assert p_values[2] <= p_values[1] < 0.05
    assert p_values[1] == pytest.approx(alone[1], abs=0.005)


def test_more_models_to_pick_from_demand_a_larger_lead():
    generator = np.random.default_rng(5)
    right = generator.random((8, 80)) < 0.8
    right[0], right[1] = True, True
    right[0, :8], right[1, :20] = False, False
    assert worse_than_best(of(right), 4000, 0)[1] > worse_than_best(of(right[:2]), 4000, 0)[1]


def test_large_groups_do_not_decide_alone():
    sizes = [60, *[1] * 12]
    groups = np.repeat(np.arange(13), sizes)
    right = np.zeros((2, len(groups)), int)
    right[0, :6], right[1, 62:] = 1, 0
    right[1, 60:62] = 1
    plain = of(np.stack([np.bincount(groups, r) for r in right]))
    assert worse_than_best(of(right, groups), 9000, 0)[1] >= worse_than_best(plain, 9000, 0)[1]


def test_drawing_in_blocks_changes_nothing(monkeypatch):
    right = np.random.default_rng(0).random((5, 40)) < 0.7
    whole = worse_than_best(of(right), 500, 3)
    monkeypatch.setattr(selection, "_SIGNS_AT_ONCE", 50 * 40)
    assert np.array_equal(whole, worse_than_best(of(right), 500, 3))


def test_p_values_hardly_depend_on_the_seed():
    right = np.random.default_rng(2).random((6, 200)) < np.linspace(0.9, 0.8, 6)[:, None]
    found = np.array([worse_than_best(of(right), 20_000, seed) for seed in range(5)])
    assert np.ptp(found, axis=0).max() < 0.012


def test_the_best_is_chosen_inside_and_scored_outside(monkeypatch):
    # Three groups of 2, 1 and 1 pictures; two models.
    right = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], bool)
    groups = np.array([0, 0, 1, 2])
    draws = np.array([[2, 1, 0], [0, 1, 2], [1, 1, 1], [0, 3, 0]], float)
    monkeypatch.setattr(selection, "group_counts", lambda *_: iter([draws]))
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
