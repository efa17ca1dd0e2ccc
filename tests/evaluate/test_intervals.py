from itertools import product
from math import comb
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from bakeoff.evaluate import intervals


def test_resamples_are_sums_over_drawn_groups():
    sums = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    drawn = intervals.resample_sums(sums, 500, seed=1)
    possible = {sum(draw) for draw in product([1, 2, 4], repeat=3)}
    assert set(drawn[:, 0]) <= possible
    assert drawn[:, 1] == pytest.approx(10 * drawn[:, 0])  # the same groups for every statistic
    assert drawn[:, 0].mean() == pytest.approx(7, abs=0.3)


def test_equal_seeds_draw_equal_groups():
    sums = np.arange(5.0)[:, None]
    assert np.array_equal(
        intervals.resample_sums(sums, 50, 3), intervals.resample_sums(sums, 50, 3)
    )
    assert not np.array_equal(
        intervals.resample_sums(sums, 50, 3), intervals.resample_sums(sums, 50, 4)
    )


def test_drawing_in_blocks_changes_nothing(monkeypatch):
    sums = np.arange(10.0)[:, None]
    whole = intervals.resample_sums(sums, 40, 3)
    monkeypatch.setattr(intervals, "_WEIGHTS_AT_ONCE", 30)
    assert np.array_equal(whole, intervals.resample_sums(sums, 40, 3))


def test_two_thousand_resamples_of_a_thousand_groups_take_less_than_a_second():
    sums = np.random.default_rng(0).random((1000, 20))
    started = perf_counter()
    intervals.resample_sums(sums, 2000, 0)
    assert perf_counter() - started < 1


def test_the_interval_of_a_mean_is_as_wide_as_students():
    values = np.random.default_rng(0).normal(size=12)
    drawn = intervals.resample_sums(values[:, None], 40_000, 0)[:, 0] / 12
    found = intervals.percentile_interval(drawn, 12, 0.95)
    half = 2.201 * values.std(ddof=1) / np.sqrt(12)  # t of 11 degrees of freedom
    assert found.high - found.low == pytest.approx(2 * half, rel=0.06)


def test_one_group_says_nothing_about_the_spread():
    found = intervals.percentile_interval(np.ones(10), 1, 0.95)
    assert np.isnan(found.low)
    assert np.isnan(found.high)


def test_a_perfect_score_does_not_claim_certainty():
    found = intervals.share_interval(np.ones(100), 1.0, 20, 0.95)
    assert found.high == 1
    assert found.low == pytest.approx(0.025 ** (1 / 20))
    none = intervals.share_interval(np.zeros(100), 0.0, 20, 0.95)
    assert none.high == pytest.approx(1 - found.low)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_mcnemar_equals_statsmodels(pairs):
    first, second = np.array(pairs).T
    table = [
        [(first & second).sum(), (first & ~second).sum()],
        [(~first & second).sum(), (~first & ~second).sum()],
    ]
    expected = statsmodels_mcnemar(table, exact=True).pvalue
    assert intervals.mcnemar(first, second) == pytest.approx(min(1, expected))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-1, 1), min_size=1, max_size=60))
def test_swapping_single_pictures_is_mcnemars_test(differences):
    gained = np.array(differences)
    right = intervals.mcnemar(gained > 0, gained < 0)
    assert intervals.group_swap(gained) == pytest.approx(right)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=10))
def test_swapping_groups_counts_every_swap(differences):
    gained = np.array(differences)
    swaps = np.array(list(product([-1, 1], repeat=len(gained)))) @ gained
    expected = (np.abs(swaps) >= abs(gained.sum())).mean()
    assert intervals.group_swap(gained) == pytest.approx(expected)


def test_twenty_wins_of_twenty_by_hand():
    assert intervals.group_swap(np.ones(20, int)) == pytest.approx(2 / 2**20)
    mixed = np.array([1] * 9 + [-1])
    assert intervals.group_swap(mixed) == pytest.approx(2 * (1 + comb(10, 1)) / 2**10)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_statsmodels(p_values):
    expected = multipletests(p_values, method="holm")[1]
    assert intervals.holm(np.array(p_values)) == pytest.approx(expected)


def clustered(generator, groups, level, spread=1.2):
    """Right answers of pictures in groups of one to four, alike within a group."""
    sizes = generator.integers(1, 5, size=groups)
    owner = np.repeat(np.arange(groups), sizes)
    ability = generator.normal(level, spread, size=groups)[owner]
    return owner, generator.random(len(owner)) < 1 / (1 + np.exp(-ability))


@pytest.mark.slow
def test_intervals_cover_the_truth_95_times_in_a_hundred():
    generator = np.random.default_rng(7)
    truth = clustered(np.random.default_rng(0), 400_000, 1.0)[1].mean()
    covered, runs = 0, 2000
    for run in range(runs):
        owner, right = clustered(generator, 120, 1.0)
        sums = np.column_stack([np.bincount(owner, right), np.bincount(owner)]).astype(float)
        drawn = intervals.resample_sums(sums, 600, run)
        found = intervals.share_interval(drawn[:, 0] / drawn[:, 1], right.mean(), 120, 0.95)
        covered += found.low <= truth <= found.high
    assert 0.93 <= covered / runs <= 0.97


@pytest.mark.slow
def test_equal_models_are_called_different_at_most_five_times_in_a_hundred():
    generator = np.random.default_rng(11)
    alarms = {"groups": 0, "pictures": 0}
    runs = 2000
    for _ in range(runs):
        # Two equally good models that err on the same patients' pictures together.
        owner, first = clustered(generator, 150, 1.0)
        flips = generator.random(150) < 0.4
        ability = np.random.default_rng(generator.integers(2**32)).random(150) < 0.7
        second = np.where(flips[owner], ability[owner], first)
        first = np.where(flips[owner], (generator.random(150) < 0.7)[owner], first)
        gained = np.bincount(owner, first.astype(int) - second.astype(int)).astype(np.int64)
        alarms["groups"] += intervals.group_swap(gained) < 0.05
        alarms["pictures"] += intervals.mcnemar(first, second) < 0.05
    assert 0.03 <= alarms["groups"] / runs <= 0.06
    # Why groups are swapped whole: pictures taken one by one raise far more false alarms.
    assert alarms["pictures"] / runs > 0.1


@pytest.mark.slow
def test_on_single_pictures_mcnemars_false_alarms_stay_under_five_percent():
    generator = np.random.default_rng(3)
    alarms = 0
    for _ in range(2000):
        first, second = generator.random((2, 600)) < 0.8
        alarms += intervals.mcnemar(first, second) < 0.05
    assert 0.025 <= alarms / 2000 <= 0.055
