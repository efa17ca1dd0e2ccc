from itertools import product
from math import comb
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from bakeoff.evaluate.group_tests import corrected_t, group_swap, holm, sign_flip
from bakeoff.evaluate.outcomes import Outcomes


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_flipping_single_pictures_is_mcnemars_test(pairs):
    first, second = np.array(pairs).T
    table = [
        [(first & second).sum(), (first & ~second).sum()],
        [(~first & second).sum(), (~first & ~second).sum()],
    ]
    expected = min(1, mcnemar(table, exact=True).pvalue)
    assert sign_flip(first.astype(int) - second) == pytest.approx(expected)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=10), st.sampled_from([1.0, 1.25]))
def test_flipping_groups_counts_every_flip(differences, widen):
    gained = np.array(differences)
    flips = np.array(list(product([-1, 1], repeat=len(gained)))) @ gained
    expected = (np.abs(flips) >= abs(gained.sum()) / widen).mean()
    assert sign_flip(gained, widen) == pytest.approx(expected)


def test_twenty_wins_of_twenty_by_hand():
    assert sign_flip(np.ones(20, int)) == pytest.approx(2 / 2**20)
    mixed = np.array([1] * 9 + [-1])
    assert sign_flip(mixed) == pytest.approx(2 * (1 + comb(10, 1)) / 2**10)


def test_a_lead_that_large_groups_alone_make_is_no_proof():
    sizes, gained = np.repeat([4, 1], 8), np.repeat([4, -1], 8)
    assert sign_flip(gained) < 0.05
    # Over the roots of the sizes large groups gain 2 and small ones lose 1.
    assert group_swap(gained, sizes) == sign_flip(np.repeat([2, -1], 8)) > 0.05
    assert group_swap(np.repeat([2, -1], 8), sizes) == 1


def test_differences_of_a_loss_need_not_be_whole_numbers():
    gained = np.array([0.5, 0.25, -0.125, 1.0, 0.75])
    flips = np.array(list(product([-1, 1], repeat=5))) @ gained
    expected = (np.abs(flips) >= gained.sum() - 1e-12).mean()
    assert group_swap(gained, np.ones(5, int)) == pytest.approx(expected)


def test_ten_thousand_groups_take_seconds_at_most():
    generator = np.random.default_rng(0)
    sizes = generator.integers(1, 20, 10_000)
    gained = generator.integers(-3, 4, 10_000)
    started = process_time()
    p_value = group_swap(gained, sizes)
    assert process_time() - started < 10
    normal = 2 * stats.norm.sf(abs(gained.sum()) / np.sqrt((gained**2).sum()))
    assert p_value >= normal - 0.01


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_statsmodels(p_values):
    expected = multipletests(p_values, method="holm")[1]
    assert holm(np.array(p_values)) == pytest.approx(expected)


def test_the_corrected_t_of_two_repeats_by_hand():
    folds = np.array([[0, 0, 1, 1, 2, 2], [2, 1, 0, 2, 1, 0]])
    first = np.array([[1, 1, 1, 0, 1, 1], [1, 1, 1, 1, 0, 1]])
    second = np.array([[0, 1, 1, 0, 0, 1], [0, 1, 0, 1, 0, 1]])
    outcomes = Outcomes(("a", "b"), np.stack([first, second], 1), np.arange(6), folds)
    means = np.array([0.5, 0, 0.5, 0.5, 0, 0.5])  # repeat 0: folds 0 1 2; repeat 1: folds 0 1 2
    statistic = means.mean() / np.sqrt(means.var(ddof=1) * (1 / 6 + 1 / 2))
    expected = 2 * stats.t.sf(statistic, 5)
    assert corrected_t(outcomes, 0, 1) == pytest.approx(expected)
    assert corrected_t(outcomes, 1, 0) == pytest.approx(expected)
    assert corrected_t(outcomes, 0, 0) == 1


def test_without_folds_there_is_no_test_over_folds():
    outcomes = Outcomes(("a", "b"), np.array([[[1, 1], [0, 0]]]), np.arange(2))
    assert corrected_t(outcomes, 0, 1) == 1
