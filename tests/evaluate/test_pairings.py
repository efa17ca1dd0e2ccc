import numpy as np
import pytest
from scipy import stats

from bakeoff.evaluate.group_tests import corrected_error, corrected_t, group_swap, holm
from bakeoff.evaluate.intervals import FOLDS_WIDEN
from bakeoff.evaluate.outcomes import Outcomes
from bakeoff.evaluate.pairings import against_best, against_rival


def outcomes(folds: bool, repeats: int = 3) -> Outcomes:
    generator = np.random.default_rng(0)
    accuracy = np.array([0.9, 0.88, 0.7, 0.5])[None, :, None]
    groups = np.repeat(np.arange(100), 3)
    right = generator.random((repeats, 4, 300)) < accuracy
    dealt = np.stack([generator.permutation(np.arange(100) % 5)[groups] for _ in range(repeats)])
    return Outcomes(tuple("abcd"), right, groups, dealt if folds else None)


def test_a_split_is_judged_over_groups_alone():
    split = outcomes(folds=False, repeats=1)
    pairings = against_rival(split, "b", 0.95)
    sums = split.group_sums
    expected = np.array([group_swap(sums[m] - sums[1], split.sizes) for m in (0, 2, 3)])
    assert [p.model for p in pairings] == ["a", "c", "d"]
    assert [p.group_p for p in pairings] == pytest.approx(list(expected))
    assert [p.p_adjusted for p in pairings] == pytest.approx(list(holm(expected)))
    assert [p.conclusion for p in pairings] == ["no difference shown", "worse", "worse"]
    assert all(np.isnan(p.fold_p) for p in pairings)


def test_an_interval_in_folds_holds_those_of_both_tests():
    folds = outcomes(folds=True)
    for pairing in against_rival(folds, "d", 0.95):
        error = corrected_error(folds, folds.names.index(pairing.model), 3)
        half = stats.t.ppf(1 - 0.05 / 3 / 2, folds.parts - 1) * error
        assert pairing.interval.low <= pairing.difference - half + 1e-12
        assert pairing.interval.high >= pairing.difference + half - 1e-12
        if pairing.fold_p > 0.05:
            assert pairing.interval.low < 0 < pairing.interval.high


def test_with_folds_both_tests_must_agree():
    folds = outcomes(folds=True)
    pairings = against_rival(folds, "d", 0.95)
    sums = folds.group_sums
    over_groups = [group_swap(sums[m] - sums[3], folds.sizes, FOLDS_WIDEN) for m in range(3)]
    over_folds = [corrected_t(folds, m, 3) for m in range(3)]
    expected = np.maximum(holm(np.array(over_groups)), holm(np.array(over_folds)))
    assert [p.p_adjusted for p in pairings] == pytest.approx(list(expected))
    assert [p.fold_p for p in pairings] == pytest.approx(over_folds)


def test_against_the_best_more_is_asked_than_against_a_named_rival():
    split = outcomes(folds=False, repeats=1)
    best = split.names[split.scores.argmax()]
    named = against_rival(split, best, 0.95)
    picked = against_best(split, best, 0.95, draws=2000, seed=0)
    for one, other in zip(named, picked, strict=True):
        assert other.p_adjusted >= one.group_p
        assert other.interval.high - other.interval.low > one.interval.high - one.interval.low
    assert against_best(split.only([best]), best, 0.95, draws=100, seed=0) == ()


def test_a_difference_and_its_interval_have_the_models_order():
    (pairing,) = against_rival(outcomes(folds=True).only(["a", "d"]), "d", 0.95)
    found = outcomes(folds=True).scores
    assert pairing.difference == pytest.approx(found[0] - found[3])
    assert pairing.interval.low < pairing.difference < pairing.interval.high
    assert pairing.conclusion == "better"


@pytest.mark.parametrize("folds", [False, True])
def test_no_interval_leaves_the_range_of_a_difference(folds):
    generator = np.random.default_rng(0)
    right = np.stack([np.ones(20), np.arange(20) == generator.integers(20)])[None].astype(bool)
    groups = np.arange(20)
    dealt = groups[None] % 5 if folds else None
    (pairing,) = against_rival(Outcomes(("a", "b"), right, groups, dealt), "b", 0.95)
    assert pairing.difference > 0.9
    assert pairing.interval.high == 1
