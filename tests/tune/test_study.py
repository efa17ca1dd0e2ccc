"""The study, on a hill whose top is known."""

import math
import sqlite3

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.params.tuning import Dimension, Searched, Tuning
from bakeoff.runtime.errors import BakeoffError, DivergedError
from bakeoff.tune import space
from bakeoff.tune.study import Outcome, Search, Trial, best_of, run_search

SPACE = (
    Searched("head", "dropout", Dimension(low=0, high=0.8), whole=False),
    Searched("head", "hidden", Dimension(choices=([], [64], [32, 16])), whole=False),
    Searched("train", "epochs", Dimension(low=3, high=9), whole=True),
    Searched("train", "rate", Dimension(low=0.0001, high=0.1, log=True), whole=False),
)
GIVEN = {"head.dropout": 0.2, "head.hidden": [64], "train.epochs": 4, "train.rate": 0.5}


def hill(values, report):
    """Highest at a dropout of 0.3, [32, 16], and a rate of 0.01; rises with the epochs."""
    top = 1 - abs(values["head.dropout"] - 0.3) - 0.1 * abs(math.log10(values["train.rate"]) + 2)
    top -= 0.2 * (values["head.hidden"] != [32, 16])
    epochs = values["train.epochs"]
    for epoch in range(1, epochs + 1):
        report(epoch, top * epoch / epochs)
    return Outcome(top, epochs, epochs)


def search(tmp_path, trials=12, sampler="tpe", *, objective=hill, pruning=True, name="a"):
    tuning = Tuning(trials, sampler, pruning, SPACE)
    return Search("vgg16", tuning, GIVEN, 7, objective, tmp_path / f"studies/{name}.db")


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_a_search_in_two_parts_is_the_search_in_one(tmp_path, sampler):
    _, whole = run_search(search(tmp_path, 18, sampler))
    _, first = run_search(search(tmp_path, 5, sampler, name="b"))
    _, both = run_search(search(tmp_path, 18, sampler, name="b"))
    assert first == whole[:5]
    assert both == whole
    assert [trial.number for trial in whole] == list(range(18))
    assert len({repr(trial.values) for trial in whole}) == 18
    _, fewer = run_search(search(tmp_path, 5, sampler, name="b"))
    assert fewer == first


def test_a_killed_search_goes_on_with_the_trial_that_was_cut_short(tmp_path):
    _, whole = run_search(search(tmp_path))

    class KilledError(BaseException):
        pass

    def killed(values, report):
        if values == whole[8].values:
            report(1, 0.1)
            raise KilledError
        assert values != whole[9].values
        return hill(values, report)

    with pytest.raises(KilledError):
        run_search(search(tmp_path, objective=killed, name="b"))
    with sqlite3.connect(tmp_path / "studies/b.db") as database:
        states = [state for (state,) in database.execute("SELECT state FROM trials")]
    assert len(states) == 8
    assert "RUNNING" not in states
    _, resumed = run_search(search(tmp_path, name="b"))
    assert resumed == whole


def test_trials_that_were_made_are_not_made_again(tmp_path):
    run_search(search(tmp_path, 6))

    def forbidden(values, report):
        raise AssertionError

    _, trials = run_search(search(tmp_path, 6, objective=forbidden))
    assert len(trials) == 6


def test_the_first_trial_has_the_values_as_given(tmp_path):
    _, trials = run_search(search(tmp_path, 3, "random"))
    assert trials[0].values == GIVEN  # though the rate lies outside the space
    assert trials[0].state == "complete"


def test_tpe_climbs_higher_than_chance(tmp_path):
    best = {
        sampler: best_of(run_search(search(tmp_path, 60, sampler, pruning=False, name=sampler))[1])
        for sampler in ("tpe", "random")
    }
    assert best["tpe"].kappa > best["random"].kappa
    assert best["tpe"].kappa > 0.9
    assert best["tpe"].values["head.hidden"] == [32, 16]


def test_trials_that_are_behind_are_given_up(tmp_path):
    _, pruned = run_search(search(tmp_path, 30))
    given_up = [trial for trial in pruned if trial.state == "pruned"]
    assert given_up
    assert all(2 <= trial.epochs <= trial.values["train.epochs"] for trial in given_up)
    assert all(trial.state == "complete" for trial in pruned[:5])
    _, patient = run_search(search(tmp_path, 30, pruning=False, name="b"))
    assert {trial.state for trial in patient} == {"complete"}


def test_a_grid_ends_when_every_point_was_tried(tmp_path):
    axes = (
        Searched("head", "hidden", Dimension(choices=([], [64])), whole=False),
        Searched("train", "epochs", Dimension(low=3, high=9, steps=3), whole=True),
    )
    given = {"head.hidden": [8], "train.epochs": 4}

    def flat(values, report):
        return Outcome(0.5, 1, 1)

    tuning = Tuning(100, "grid", True, axes)
    _, trials = run_search(Search("m", tuning, given, 1, flat, tmp_path / "g.db"))
    points = {(str(t.values["head.hidden"]), t.values["train.epochs"]) for t in trials[1:]}
    assert points == {(h, e) for h in ("[]", "[64]") for e in (3, 6, 9)}
    assert len(trials) == 7  # the values as given are the first
    assert best_of(trials).number == 0  # of equals the earliest


def test_a_trial_without_a_number_fails_and_the_search_goes_on(tmp_path):
    def fragile(values, report):
        if values["train.rate"] > 0.01:
            report(1, math.nan)
            raise DivergedError("the loss is no longer a number; lower it")
        return hill(values, report)

    _, trials = run_search(search(tmp_path, 12, objective=fragile))
    failed = [trial for trial in trials if trial.state == "fail"]
    assert failed
    assert all(t.kappa is None and t.epochs == 1 and t.values["train.rate"] > 0.01 for t in failed)
    assert best_of(trials).values["train.rate"] <= 0.01

    def hopeless(values, report):
        return Outcome(math.nan, 1, 1)

    with pytest.raises(BakeoffError, match="none of the 4 trials of the search of vgg16"):
        run_search(search(tmp_path, 4, objective=hopeless, name="b"))


@settings(max_examples=30, deadline=None)
@given(
    low=st.floats(1e-6, 1),
    ratio=st.floats(1.01, 1e4),
    log=st.booleans(),
    steps=st.integers(2, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_point_of_a_grid_lies_in_the_space(low, ratio, log, steps, seed):
    wide = Dimension(low=low, high=low * ratio, log=log, steps=steps)
    axes = (Searched("", "c", wide, whole=False), SPACE[1])
    points = list(space.grid(axes, seed))
    assert len({tuple(p.items()) for p in points}) == len(points) == 3 * steps
    within = {s.path: space.distribution(s) for s in axes}
    for point in points:
        assert all(space.holds(within[p], v) for p, v in space.values(point, axes).items())
    assert all(isinstance(d, optuna.distributions.BaseDistribution) for d in within.values())


def test_a_kappa_of_zero_beats_a_negative_one_and_loses_to_a_positive_one():
    kappas = (-0.05, 0.0, None, -1.0)
    trials = [
        Trial(number, "fail" if kappa is None else "complete", kappa, 1, 1, {})
        for number, kappa in enumerate(kappas)
    ]
    assert best_of(trials).number == 1
    assert best_of([*trials, Trial(4, "complete", 0.1, 1, 1, {})]).number == 4
    assert best_of([*trials, Trial(4, "complete", 0.0, 1, 1, {})]).number == 1
