"""How often the evaluation's statements are wrong, in simulation.

`python -m tests.evaluate.error_rates [RUNS]` prints the tables of `docs/evaluation.md`.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from bakeoff.evaluate.group_tests import group_swap
from bakeoff.evaluate.influence import groups_behind, scale_of, score_estimates
from bakeoff.evaluate.intervals import (
    folds_widening,
    mean_estimate,
    student_interval,
)
from bakeoff.evaluate.outcomes import FEW_GROUPS, Outcomes
from bakeoff.evaluate.pairings import against_best, against_rival
from bakeoff.evaluate.promotion import judge
from bakeoff.evaluate.selection import worse_than_best
from tests.evaluate.simulations import Recipes, Scored, Setting, equally_good, settings

MODELS = 10
SCORES = ("macro_auc", "macro_average_precision", "log_loss", "cohen_kappa", "macro_f1")
_DRAWS = 400  # random signs of a test: few, as only 5 % is asked of it

Trial = Callable[[np.random.Generator], Sequence[bool]]


def rates(trial: Trial, runs: int, seed: int = 0) -> np.ndarray:
    """How often each of the statements of a trial is true."""
    generator = np.random.default_rng(seed)
    return np.mean([trial(generator) for _ in range(runs)], axis=0)


def error(share: float, runs: int) -> float:
    """The Monte Carlo standard error of a share of that many runs."""
    return float(np.sqrt(max(share * (1 - share), 0.25 / runs) / runs))


def called_worse(setting: Setting, generator: np.random.Generator) -> list[bool]:
    """Whether any of ten equally good models is called worse than the best."""
    outcomes = equally_good(generator, setting, MODELS)
    return [bool((worse_than_best(outcomes, _DRAWS, 0) < 0.05).any())]


def called_different(setting: Setting, generator: np.random.Generator) -> list[bool]:
    """Whether one of two equally good models is called better on a split."""
    outcomes = equally_good(generator, setting, 2)
    sums = outcomes.group_sums
    return [group_swap(sums[0] - sums[1], outcomes.sizes) < 0.05]


def accuracy_covered(setting: Setting, generator: np.random.Generator) -> list[bool]:
    """Whether the accuracy's interval holds the truth; whether it is warned of."""
    outcomes = equally_good(generator, setting, 1)
    estimate, sizes = mean_estimate(outcomes.per_picture[0], outcomes.groups), outcomes.sizes
    found = student_interval(estimate, sizes, confidence=0.95, scale="proportion")
    warned = groups_behind("accuracy", estimate, sizes) < FEW_GROUPS
    return [found.low <= setting.accuracy <= found.high, warned]


@cache
def _truth(world: Scored) -> dict[str, float]:
    large = Scored(60_000, world.classes, world.shift, "equal", world.rare, world.mixed)
    predictions, groups = large.predictions(np.random.default_rng(0))
    return {name: e.value for name, e in score_estimates([predictions], groups).items()}


def scores_covered(world: Scored, generator: np.random.Generator) -> list[bool]:
    """For each of `SCORES` whether its interval holds the truth, then whether it is warned of."""
    predictions, groups = world.predictions(generator)
    sizes, truth = np.bincount(groups), _truth(world)
    estimates = score_estimates([predictions], groups)
    covered, warned = [], []
    for name in SCORES:
        found = student_interval(estimates[name], sizes, confidence=0.95, scale=scale_of(name))
        covered.append(found.low <= truth[name] <= found.high)
        warned.append(groups_behind(name, estimates[name], sizes) < FEW_GROUPS)
    return covered + warned


def called_different_by_folds(
    recipes: Recipes, generator: np.random.Generator, models: int = MODELS
) -> list[bool]:
    """Of equally good recipes: a pair, any against a named rival, any against the best."""
    outcomes = recipes.outcomes(generator, models)
    pair = against_rival(outcomes.only(outcomes.names[:2]), "m0", 0.95)
    named = against_rival(outcomes, "m0", 0.95)
    best = outcomes.names[int(outcomes.scores.argmax())]
    picked = against_best(outcomes, best, 0.95, draws=_DRAWS, seed=0)
    families = (pair, named, picked)
    return [any(p.conclusion != "no difference shown" for p in family) for family in families]


def differences_covered(recipes: Recipes, generator: np.random.Generator) -> list[bool]:
    """Whether the intervals of differences in folds hold the truth, all of a table at once.

    Of a pair, of all against a named rival, and of all against the best.
    """
    outcomes = recipes.outcomes(generator, MODELS)
    truth = dict(zip(outcomes.names, [_gain(recipes)] + [0.0] * (MODELS - 1), strict=True))
    best = outcomes.names[int(outcomes.scores.argmax())]
    families = (
        against_rival(outcomes.only(outcomes.names[:2]), "m1", 0.95),
        against_rival(outcomes, "m1", 0.95),
        against_best(outcomes, best, 0.95, draws=_DRAWS, seed=0),
    )
    return [
        all(p.interval.low <= truth[p.model] - truth[p.rival] <= p.interval.high for p in family)
        for family in families
    ]


@cache
def _gain(recipes: Recipes) -> float:
    """By how much the first recipe is better than the others."""
    if not recipes.lift:
        return 0.0
    generator = np.random.default_rng(0)
    scores = np.mean([recipes.outcomes(generator, 20).scores for _ in range(600)], axis=0)
    return float(scores[0] - scores[1:].mean())


@cache
def _recipe_truth(recipes: Recipes) -> float:
    generator = np.random.default_rng(0)
    return float(np.mean([recipes.outcomes(generator, 40).scores.mean() for _ in range(60)]))


def folds_covered(recipes: Recipes, generator: np.random.Generator) -> list[bool]:
    """Whether a recipe's interval holds its expected accuracy; whether it is warned of."""
    outcomes = recipes.outcomes(generator, 1)
    estimate, sizes = mean_estimate(outcomes.per_picture[0], outcomes.groups), outcomes.sizes
    widen = folds_widening(outcomes, 0)
    found = student_interval(estimate, sizes, confidence=0.95, scale="proportion", widen=widen)
    warned = groups_behind("accuracy", estimate, sizes) < FEW_GROUPS
    return [found.low <= _recipe_truth(recipes) <= found.high, warned]


def promoted_by_luck(setting: Setting, generator: np.random.Generator) -> list[bool]:
    """Whether any of twenty newcomers, the best of ten each, replaces an equally good champion."""
    outcomes = equally_good(generator, setting, 20 * MODELS + 1)
    right, scores = outcomes.right[0], outcomes.scores
    for look in range(20):
        rivals = slice(1 + look * MODELS, 1 + (look + 1) * MODELS)
        newcomer = rivals.start + int(scores[rivals].argmax())
        two = Outcomes(("newcomer", "champion"), right[[newcomer, 0]][None], outcomes.groups)
        if judge(two, candidates=MODELS, look=look + 1, confidence=0.95).promoted:
            return [True]
    return [False]


def difference_found(
    setting: Setting, rivals: int, gain: float, generator: np.random.Generator
) -> tuple[bool, bool, float]:
    """Whether a better model is told from one rival: if named, if picked; and what was promised."""
    outcomes = equally_good(generator, setting, rivals + 1, gain)
    named = against_rival(outcomes, "m0", 0.95)[0]
    best = outcomes.names[int(outcomes.scores.argmax())]
    picked = against_best(outcomes, best, 0.95, draws=_DRAWS, seed=0)
    told = best == "m0" and picked[0].conclusion == "worse"
    return named.conclusion == "worse", told, named.power.least_difference


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _table(title: str, columns: Sequence[str], trials: Mapping[Any, Trial], runs: int) -> None:
    _say(f"\n### {title}\n\n| setting | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for setting, trial in trials.items():
        found = rates(trial, runs)
        _say(f"| {setting} | {' | '.join(f'{100 * v:.1f}' for v in found)} |")


def worlds() -> Iterator[Scored]:
    """Settings of the scores of probabilities."""
    for groups in (22, 150):
        for sizes in ("equal", "log-normal"):
            for shift in (0.8, 2.0):
                yield Scored(groups, 2, shift, sizes)
                yield Scored(groups, 2, shift, sizes, rare=True)
                yield Scored(groups, 3, shift, sizes, mixed=True)


def main(runs: int) -> None:
    """Print every table."""
    _say(f"Percent of {runs} runs; a rate of 5 % has an error of {100 * error(0.05, runs):.1f}.")
    cells = [*settings(styles=("plain", "similar", "skewed", "twins"))]
    cells += settings(groups=(600,), styles=("plain", "skewed", "twins"))
    for title, columns, trial in (
        ("Called worse than the best, ten equal models", ["any"], called_worse),
        ("Called better or worse, two equal models, split", ["alarm"], called_different),
        ("Coverage of accuracy", ["covered", "warned"], accuracy_covered),
    ):
        _table(title, columns, {s: partial(trial, s) for s in cells}, runs)
    columns = [*SCORES, *(f"{score} warned" for score in SCORES)]
    _table("Coverage of scores", columns, {w: partial(scores_covered, w) for w in worlds()}, runs)
    recipes = [Recipes(g, seen=s) for g in (22, 150) for s in (None, 30, 8, 2)]
    recipes += [Recipes(g, seen=8, sizes="log-normal") for g in (22, 150)]
    alarms = {r: partial(called_different_by_folds, r) for r in recipes}
    columns = ["pair", "named rival", "best"]
    _table("Folds: equal recipes called different", columns, alarms, runs // 2)
    better = [Recipes(150, lift=0.15), Recipes(22, lift=0.2), Recipes(150, seen=8, lift=0.2)]
    held = {r: partial(differences_covered, r) for r in recipes + better}
    _table("Folds: coverage of differences, all at once", columns, held, runs // 2)
    easier = [
        Recipes(g, shift=s, seen=n) for g in (22, 150) for s in (0.37, 0.9, 1.3) for n in (None, 8)
    ]
    easier += [replace(r, sizes="log-normal") for r in easier]
    covered = {r: partial(folds_covered, r) for r in recipes + easier}
    _table("Folds: coverage of accuracy", ["covered", "warned"], covered, runs)
    newcomers = settings(styles=("plain", "skewed"), accuracies=(0.7, 0.9))
    lucky = {s: partial(promoted_by_luck, s) for s in newcomers}
    _table(
        "False promotions over twenty newcomers, the best of ten each", ["any"], lucky, runs // 4
    )
    found = dict(least_differences())
    _table("The least detectable difference is found", ["named", "picked"], found, runs)


def least_differences() -> Iterator[tuple[str, Trial]]:
    """Settings whose better model is better by just the least detectable difference."""
    for groups, rivals in ((150, 1), (150, 10), (600, 10)):
        setting, gain = Setting(groups, 0.75), 0.1
        generator = np.random.default_rng(1)
        for _ in range(3):
            trials = [difference_found(setting, rivals, gain, generator) for _ in range(40)]
            gain = float(np.mean([trial[2] for trial in trials]))
        name = f"{setting}, {rivals} rivals, {100 * gain:.1f} points"
        yield name, partial(_found, setting, rivals, gain)


def _found(
    setting: Setting, rivals: int, gain: float, generator: np.random.Generator
) -> Sequence[bool]:
    return difference_found(setting, rivals, gain, generator)[:2]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
