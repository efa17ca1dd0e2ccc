import numpy as np
import pytest
from scipy import stats

from bakeoff.evaluate.intervals import (
    Estimate,
    folds_widening,
    influential_groups,
    mean_estimate,
    student_interval,
)
from bakeoff.evaluate.outcomes import Outcomes

PAIRS = np.full(12, 2)


def interval(values, groups, scale="share", **more):
    sizes = np.bincount(groups)
    return student_interval(
        mean_estimate(values, groups), sizes, confidence=0.95, scale=scale, **more
    )


def test_the_interval_of_a_mean_of_single_pictures_is_students():
    values = np.tile([0.0, 1.0], 20)
    found = interval(values, np.arange(40), "difference")
    expected = stats.t.interval(0.95, 39, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)


def test_the_error_of_a_mean_is_the_jackknife_over_groups():
    generator = np.random.default_rng(1)
    groups = np.repeat(np.arange(9), generator.integers(1, 6, 9))
    values = generator.random(len(groups))
    without = np.array([values[groups != g].mean() for g in range(9)])
    expected = np.sqrt(8 / 9 * ((without - values.mean()) ** 2).sum())
    found = mean_estimate(values, groups).standard_error(np.bincount(groups))
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_share_is_symmetric_on_the_logit_scale_and_stays_within_bounds():
    right = np.array([1] * 21 + [0] * 3, float)
    found = interval(right, np.repeat(np.arange(12), 2))
    logits = [np.log(p / (1 - p)) for p in (found.low, 21 / 24, found.high)]
    assert logits[1] - logits[0] == pytest.approx(logits[2] - logits[1])
    assert 0 < found.low < 21 / 24 < found.high < 1


def test_scales_of_losses_and_correlations():
    estimate = Estimate(0.5, np.array([0.1, -0.1] * 6))
    error = estimate.standard_error(PAIRS)
    half = stats.t.ppf(0.975, 11) * error
    loss = student_interval(estimate, PAIRS, confidence=0.95, scale="loss")
    assert loss.low == pytest.approx(0.5 * np.exp(-half / 0.5))
    kappa = student_interval(estimate, PAIRS, confidence=0.95, scale="correlation")
    assert kappa.high == pytest.approx(np.tanh(np.arctanh(0.5) + half / 0.75))
    wide = student_interval(estimate, PAIRS, confidence=0.95, scale="difference", widen=1.25)
    assert wide.high - 0.5 == pytest.approx(1.25 * half)


def test_a_perfect_score_does_not_claim_certainty():
    found = interval(np.ones(40), np.repeat(np.arange(20), 2))
    assert found.high == 1
    assert found.low == pytest.approx(0.025 ** (1 / 20))
    assert interval(np.zeros(40), np.repeat(np.arange(20), 2)).high == pytest.approx(1 - found.low)
    kappa = student_interval(
        Estimate(1.0, np.zeros(12)), PAIRS, confidence=0.95, scale="correlation"
    )
    assert kappa.low == pytest.approx(2 * 0.025 ** (1 / 12) - 1)


def test_a_single_error_is_no_less_certain_than_korn_and_graubard_say():
    right = np.ones(60)
    right[7] = 2 / 3  # wrong in one repeat of three
    one = interval(right, np.arange(60), "proportion")
    exact = stats.beta.ppf(0.025, 60 * right.mean(), 60 * (1 - right.mean()) + 1)
    assert one.low == pytest.approx(exact)
    in_folds = interval(right, np.arange(60), "proportion", widen=2.0)
    exact = stats.beta.ppf(0.025, 15 * right.mean(), 15 * (1 - right.mean()) + 1)
    assert in_folds.low == pytest.approx(exact)
    assert interval(right, np.arange(60), widen=2.0).low < 0.5 < in_folds.low
    assert in_folds.low < interval(np.ones(60), np.arange(60), "proportion", widen=2.0).low
    many = np.repeat([1.0, 0.0], [150, 50])
    assert interval(many, np.arange(200), "proportion") == interval(many, np.arange(200))


def test_an_unstable_model_has_wider_intervals_from_folds():
    folds = np.array([[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0, 1, 1]])
    right = np.array([[[1, 1, 1, 1, 0, 0, 0, 1]], [[1, 0, 1, 0, 0, 1, 0, 1]]])
    outcomes = Outcomes(("a",), right, np.arange(8), folds)
    means = [1, 0.25, 0.5, 0.5]
    values = right.mean(axis=(0, 1))
    expected = np.sqrt(1 + np.var(means, ddof=1) / 4 / stats.sem(values) ** 2)
    assert folds_widening(outcomes, 0) == pytest.approx(expected)
    steady = Outcomes(("a",), np.tile([0, 1], (2, 1, 4)), np.arange(8), folds)
    assert folds_widening(steady, 0) == 1.25
    assert folds_widening(Outcomes(("a",), right[:1], np.arange(8)), 0) == 1


def test_one_group_says_nothing_about_the_spread():
    found = interval(np.array([1.0, 0.0]), np.zeros(2, int))
    assert np.isnan(found.low)
    assert np.isnan(found.high)


def test_few_groups_that_hold_all_errors_count_for_few():
    one_bad = np.zeros(100)
    one_bad[:10] = -1.0  # all errors in two of twenty groups of five
    groups = np.repeat(np.arange(20), 5)
    influence = np.array([-0.9] * 2 + [0.1] * 18)
    expected = 3 * (influence**2).sum() ** 2 / (influence**4).sum()
    assert influential_groups(mean_estimate(one_bad, groups), np.full(20, 5)) == pytest.approx(
        expected
    )
    assert expected < 8
    spread = np.tile([0.0, 1.0], 50)
    assert influential_groups(mean_estimate(spread, np.arange(100)), np.ones(100, int)) == 100
