"""A resumable search, whose trials depend only on the seed.

Trials run in a study in memory; each finished one is then added atomically to a study in an SQLite
file. After a kill, the next run reads the finished trials and repeats the interrupted one under its
number. Each trial has its own sampler, seeded by the search's seed and the trial's number, so
that the result does not depend on where the search was interrupted.
"""

import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
from filelock import FileLock
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from bakeoff.params.tuning import Tuning
from bakeoff.runtime.errors import BakeoffError, DivergedError
from bakeoff.tune import space

logger = logging.getLogger(__name__)

# No trial is pruned before this number of trials is complete, nor in its first epoch.
_PRUNE_AFTER_TRIALS = 5
_PRUNE_AFTER_EPOCHS = 2
# TensorFlow keeps some 20 MB of each trial's graph, so a fresh process takes over after a while.
_TRIALS_A_PROCESS = 40


@dataclass(frozen=True)
class Outcome:
    """Result of a trial."""

    kappa: float  # Cohen's, on the validation side, of the best epoch
    best_epoch: int
    epochs: int


Report = Callable[[int, float], None]
"""Takes an epoch and its validation kappa; raises `optuna.TrialPruned` to give the trial up."""

Objective = Callable[[Mapping[str, Any], Report], Outcome]
"""Runs a trial with some values, by dotted name."""


@dataclass(frozen=True)
class Trial:
    """One trial as stored."""

    number: int
    state: str  # complete | pruned | fail
    kappa: float | None
    best_epoch: int | None
    epochs: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Search:
    """Settings that are the same for all trials."""

    name: str  # of the model, for messages
    tuning: Tuning
    given: Mapping[str, Any]  # the values in params.yaml, by dotted name
    seed: int
    objective: Objective
    database: Path
    restart: Callable[[], None] | None = None  # replaces the process; does not return

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """The space as Optuna's distributions."""
        return {s.path: space.distribution(s) for s in self.tuning.space}


def run_search(search: Search) -> tuple[optuna.Study, list[Trial]]:
    """Run the trials that are not in the database yet; returns the study and all trials.

    Raises:
        BakeoffError: no trial could be completed.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search.database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(search.database.with_suffix(".lock")):
        stored = optuna.create_study(
            storage=f"sqlite:///{search.database.as_posix()}",
            study_name=search.name,
            direction="maximize",
            load_if_exists=True,
        )
        study = optuna.create_study(direction="maximize", pruner=_pruner(search.tuning))
        study.add_trials(stored.get_trials(deepcopy=False)[: search.tuning.trials])
        done = len(study.get_trials(deepcopy=False))
        if done:
            logger.info("%s: %d trials are already stored", search.name, done)
        for number, fixed in _numbered(search):
            if search.restart and number == done + _TRIALS_A_PROCESS:
                search.restart()
            if number >= done:
                stored.add_trial(_run_trial(study, search, number, fixed))
    trials = [_record(trial, search) for trial in study.get_trials(deepcopy=False)]
    if not any(trial.state == "complete" for trial in trials):
        raise BakeoffError(
            f"none of the {len(trials)} trials of the search of {search.name} could be completed; "
            "narrow its 'tune.space' in params.yaml, the learning rate first"
        )
    return study, trials


def best_of(trials: list[Trial]) -> Trial:
    """The complete trial with the highest kappa; ties go to the earliest."""
    complete = [trial for trial in trials if trial.state == "complete"]
    return max(complete, key=lambda trial: (cast(float, trial.kappa), -trial.number))


def _numbered(search: Search) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each trial's number and its fixed parameters, which the sampler does not choose.

    The first trial has the given values, if they lie within the space, so a search never ends with
    a worse validation score.
    """
    inside = {
        path: space.label(distribution, search.given[path])
        for path, distribution in search.distributions.items()
        if space.holds(distribution, search.given[path])
    }
    yield 0, inside
    points = None
    if search.tuning.sampler == "grid":
        points = space.grid(search.tuning.space, search.seed)
    for number in range(1, search.tuning.trials):
        point: dict[str, Any] | None = {} if points is None else next(points, None)
        if point is None:
            logger.info("%s: the grid is exhausted after %d trials", search.name, number)
            return
        yield number, point


def _run_trial(
    study: optuna.Study, search: Search, number: int, fixed: dict[str, Any]
) -> FrozenTrial:
    """Ask Optuna for one trial, run it, and report the result."""
    study.sampler = _sampler(search, number)
    if fixed:
        study.enqueue_trial(fixed)
    wanted = search.distributions
    trial = study.ask({p: wanted[p] for p in fixed} if number == 0 else wanted)
    values = dict(search.given) | space.values(trial.params, search.tuning.space)
    epochs = 0

    def report(epoch: int, kappa: float) -> None:
        nonlocal epochs
        epochs = epoch
        if not math.isnan(kappa):
            trial.report(kappa, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

    state, outcome = TrialState.FAIL, None
    try:
        outcome = search.objective(values, report)
        if not math.isnan(outcome.kappa):
            state = TrialState.COMPLETE
    except optuna.TrialPruned:
        state = TrialState.PRUNED
    except DivergedError as reason:
        logger.info("%s: trial %d: %s", search.name, number, str(reason).partition(";")[0])
    trial.set_user_attr("epochs", outcome.epochs if outcome else epochs)
    trial.set_user_attr("best_epoch", outcome.best_epoch if outcome else None)
    complete = state == TrialState.COMPLETE and outcome is not None
    study.tell(trial, outcome.kappa if complete and outcome else None, state)
    frozen = study.get_trials(deepcopy=False)[number]
    _say(study, search, frozen)
    return frozen


def _say(study: optuna.Study, search: Search, trial: FrozenTrial) -> None:
    shown = "no result" if trial.value is None else f"kappa {trial.value:.4f}"
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    best = f", best {study.best_value:.4f}" if complete else ""
    logger.info(
        "%s: trial %d of %d %s, %s%s",
        search.name,
        trial.number + 1,
        search.tuning.trials,
        trial.state.name.lower(),
        shown,
        best,
    )


def _record(trial: FrozenTrial, search: Search) -> Trial:
    return Trial(
        trial.number,
        trial.state.name.lower(),
        trial.value,
        trial.user_attrs["best_epoch"],
        trial.user_attrs["epochs"],
        dict(search.given) | space.values(trial.params, search.tuning.space),
    )


def _sampler(search: Search, number: int) -> optuna.samplers.BaseSampler:
    seed = int(np.random.SeedSequence([search.seed, number]).generate_state(1)[0])
    if search.tuning.sampler == "tpe":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.TPESampler(seed=seed)
    return optuna.samplers.RandomSampler(seed=seed)


def _pruner(tuning: Tuning) -> optuna.pruners.BasePruner:
    if not tuning.pruning:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(_PRUNE_AFTER_TRIALS, _PRUNE_AFTER_EPOCHS)
