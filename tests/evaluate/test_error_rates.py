"""Error rates that `docs/evaluation.md` states, at a few settings; all of them where slow."""

from functools import partial

import numpy as np
import pytest

from tests.evaluate.error_rates import (
    SCORES,
    accuracy_covered,
    called_different,
    called_different_by_folds,
    called_worse,
    differences_covered,
    error,
    folds_covered,
    least_differences,
    promoted_by_luck,
    rates,
    scores_covered,
    worlds,
)
from tests.evaluate.simulations import Recipes, Scored, Setting, settings

SHORT, LONG = 300, 1500


def at_most_5_percent(found: np.ndarray, runs: int) -> bool:
    return bool((found <= 0.05 + 3 * error(0.05, runs)).all())


def covers(found: np.ndarray, runs: int, low: float = 0.93) -> bool:
    return bool((found >= low - 3 * error(low, runs)).all())


@pytest.mark.parametrize(
    "setting",
    [Setting(22, 0.9), Setting(150, 0.7), Setting(150, 0.7, "log-normal", "skewed")]
    + [Setting(150, 0.9, style="twins")],
    ids=str,
)
def test_equal_models_are_rarely_called_worse_than_the_best(setting):
    assert at_most_5_percent(rates(partial(called_worse, setting), SHORT), SHORT)


def test_permuting_the_models_names_would_call_a_twin_worse():
    """Why signs are flipped and names not permuted: nine models of ten are nearly the same."""
    from tests.evaluate.simulations import equally_good

    generator, alarms = np.random.default_rng(0), 0
    for _ in range(100):
        sums = equally_good(generator, Setting(150, 0.7, style="twins"), 10).group_sums
        observed = np.ptp(sums.sum(axis=1))
        ranges = [np.ptp(generator.permuted(sums, axis=0).sum(axis=1)) for _ in range(100)]
        alarms += np.mean(np.array(ranges) >= observed) < 0.05
    assert alarms / 100 > 0.05 + 2 * error(0.05, 100)


@pytest.mark.parametrize("setting", [Setting(22, 0.7), Setting(150, 0.97, "log-normal", "skewed")])
def test_two_equal_models_are_rarely_distinguished(setting):
    assert at_most_5_percent(rates(partial(called_different, setting), SHORT), SHORT)


@pytest.mark.parametrize("setting", [Setting(22, 0.9), Setting(150, 0.97, "log-normal")], ids=str)
def test_the_interval_of_an_accuracy_covers_it(setting):
    covered, _ = rates(partial(accuracy_covered, setting), 600)
    assert covers(covered, 600)
    assert covered < 0.99


def test_intervals_of_other_scores_cover_them():
    found = rates(partial(scores_covered, Scored(22)), 200)
    assert covers(found[: len(SCORES)], 200)


def test_equal_recipes_are_rarely_distinguished_by_folds_though_training_is_unstable():
    trial = partial(called_different_by_folds, Recipes(60, seen=4), models=4)
    assert at_most_5_percent(rates(trial, 100), 100)


def test_the_intervals_of_differences_in_folds_cover_them_all_at_once():
    trial = partial(differences_covered, Recipes(22, seen=8))
    assert covers(rates(trial, 60), 60)


def test_twenty_equal_newcomers_rarely_replace_the_champion():
    assert at_most_5_percent(rates(partial(promoted_by_luck, Setting(60, 0.8)), 50), 50)


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting", settings((22, 150, 600), ("plain", "similar", "skewed", "twins")), ids=str
)
def test_error_rates_of_every_setting(setting):
    assert at_most_5_percent(rates(partial(called_worse, setting), LONG), LONG)
    assert at_most_5_percent(rates(partial(called_different, setting), LONG), LONG)
    covered, warned = rates(partial(accuracy_covered, setting), 2 * LONG)
    assert covers(covered, 2 * LONG) or warned > 0.5
    assert covered < 0.98 + 3 * error(0.02, 2 * LONG) or warned > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("world", worlds(), ids=str)
def test_coverage_of_every_score(world):
    found = rates(partial(scores_covered, world), LONG)
    for covered, warned in zip(found[: len(SCORES)], found[len(SCORES) :], strict=True):
        assert covers(covered, LONG) or warned > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("groups", [22, 150])
@pytest.mark.parametrize("seen", [None, 30, 8, 2])
def test_folds_of_stable_and_unstable_learners(groups, seen):
    recipes = Recipes(groups, seen=seen)
    assert at_most_5_percent(rates(partial(called_different_by_folds, recipes), 400), 400)
    covered, _ = rates(partial(folds_covered, recipes), LONG)
    assert covers(covered, LONG)
    assert covers(rates(partial(differences_covered, recipes), 100), 100)


@pytest.mark.slow
@pytest.mark.parametrize("style", ["plain", "skewed"])
def test_false_promotions(style):
    trial = partial(promoted_by_luck, Setting(150, 0.8, "log-normal", style))
    assert at_most_5_percent(rates(trial, 400), 400)


@pytest.mark.slow
def test_the_least_detectable_difference_is_found_four_times_in_five():
    for _, trial in least_differences():
        named, picked = rates(trial, 400)
        assert 0.8 - 4 * error(0.8, 400) < named < 0.95
        assert 0.8 - 5 * error(0.8, 400) < picked < 0.95
