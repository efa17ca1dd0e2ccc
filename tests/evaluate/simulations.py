"""Simulated models whose truth is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bakeoff.evaluate.outcomes import Outcomes
from bakeoff.scoring.predictions import Predictions

Style = Literal["plain", "similar", "skewed", "twins"]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Sizes = Literal["equal", "log-normal"]

# What decides whether a model is right on a picture, as shares of the variance: how hard the group
# is for all models, how hard the picture is for all, how hard the group is for this model, chance.
_SHARES = {
    "plain": ([0.3, 0.2, 0.2, 0.3],),
    "similar": ([0.3, 0.55, 0.05, 0.1],),
    # Every other model errs on whole groups at a time, the rest on single pictures.
    "skewed": ([0.0, 0.0, 0.9, 0.1], [0.1, 0.1, 0.0, 0.8]),
    # All models but the first are nearly the same.
    "twins": ([0.3, 0.2, 0.2, 0.3],),
}


@dataclass(frozen=True)
class Setting:
    """One cell of a table."""

    groups: int
    accuracy: float
    sizes: Sizes = "equal"
    style: Style = "plain"

    def __str__(self) -> str:
        return f"{self.groups} groups, {self.sizes}, accuracy {self.accuracy}, {self.style}"


def settings(
    groups: tuple[int, ...] = (22, 150),
    styles: tuple[Style, ...] = ("plain", "similar", "skewed"),
    accuracies: tuple[float, ...] = (0.7, 0.9, 0.97),
) -> Iterator[Setting]:
    """Every combination."""
    kinds: tuple[Sizes, ...] = ("equal", "log-normal")
    for style, count, kind, accuracy in product(styles, groups, kinds, accuracies):
        yield Setting(count, accuracy, kind, style)


def owners(generator: np.random.Generator, groups: int, sizes: Sizes) -> Integers:
    """The group of each picture: three pictures a group, or a log-normal number around 2.5."""
    if sizes == "equal":
        return np.repeat(np.arange(groups), 3)
    drawn = np.exp(generator.normal(np.log(2.5), 1.0, groups))
    return np.repeat(np.arange(groups), np.maximum(1, np.rint(drawn)).astype(np.int64))


def equally_good(
    generator: np.random.Generator, setting: Setting, models: int, gain: float = 0.0
) -> Outcomes:
    """Outcomes of models that are all right with probability `accuracy`, alike within groups.

    Args:
        generator: Of everything.
        setting: How many groups, how they err.
        models: How many.
        gain: Added to the first model's accuracy.
    """
    groups = owners(generator, setting.groups, setting.sizes)
    shares = _SHARES[setting.style]
    roots = np.sqrt([shares[m % len(shares)] for m in range(models)])
    of_group = generator.normal(size=setting.groups)[groups]
    of_picture = generator.normal(size=len(groups))
    of_pair = generator.normal(size=(models, setting.groups))
    chance = generator.normal(size=(models, len(groups)))
    if setting.style == "twins" and models > 2:
        of_pair[2:] = of_pair[1]
        chance[2:] = 0.95 * chance[1] + np.sqrt(1 - 0.95**2) * chance[2:]
    hardness = (
        roots[:, :1] * of_group
        + roots[:, 1:2] * of_picture
        + roots[:, 2:3] * of_pair[:, groups]
        + roots[:, 3:] * chance
    )
    accuracy = np.full(models, setting.accuracy)
    accuracy[0] += gain
    right = hardness < special.ndtri(accuracy)[:, None]
    return Outcomes(tuple(f"m{m}" for m in range(models)), right[None], groups)


@dataclass(frozen=True)
class Recipes:
    """Learners that are equally good by symmetry: each sees its own eight features of equal worth.

    Attributes:
        groups: How many, of one class each.
        shift: Between the classes, in standard deviations of a feature.
        seen: Training pictures of each class that a fit uses, drawn anew by every fit; few make an
            unstable learner. All of them if None.
        folds: How many.
        repeats: How many.
        lift: Added to the first learner's shift, which makes it better.
    """

    groups: int = 150
    shift: float = 0.5
    seen: int | None = None
    folds: int = 5
    repeats: int = 3
    sizes: Sizes = "equal"
    lift: float = 0.0

    def __str__(self) -> str:
        seen = "all" if self.seen is None else f"{self.seen} of each class"
        lift = f", one better by {self.lift}" if self.lift else ""
        return f"{self.groups} groups, {self.sizes}, shift {self.shift}{lift}, a fit sees {seen}"

    def outcomes(self, generator: np.random.Generator, models: int) -> Outcomes:
        """Train and test in every fold and repeat: nearest class mean."""
        groups = owners(generator, self.groups, self.sizes)
        labels = (np.arange(self.groups) % 2)[groups]
        features = self._features(generator, models, groups, labels)
        right = np.empty((self.repeats, models, len(groups)), bool)
        folds = np.empty((self.repeats, len(groups)), np.int64)
        for repeat in range(self.repeats):
            folds[repeat] = _deal(generator, self.groups, self.folds)[groups]
            for fold in range(self.folds):
                test = folds[repeat] == fold
                said = self._fit_predict(generator, features, labels, test)
                right[repeat][:, test] = said == labels[test]
        return Outcomes(tuple(f"m{m}" for m in range(models)), right, groups, folds)

    def _features(
        self,
        generator: np.random.Generator,
        models: int,
        groups: Integers,
        labels: Integers,
    ) -> Floats:
        """Shape `(models, n, 8)`, half the variance of the group."""
        of_group = generator.normal(size=(models, self.groups, 8))[:, groups]
        own = generator.normal(size=(models, len(groups), 8))
        shift = np.full(models, self.shift)
        shift[0] += self.lift
        return np.sqrt(0.5) * (of_group + own) + shift[:, None, None] * labels[None, :, None]

    def _fit_predict(
        self,
        generator: np.random.Generator,
        features: Floats,
        labels: Integers,
        test: NDArray[np.bool_],
    ) -> Integers:
        models = len(features)
        means = np.empty((2, models, features.shape[2]))
        for label in (0, 1):
            rows = np.flatnonzero(~test & (labels == label))
            if self.seen is None:
                means[label] = features[:, rows].mean(axis=1)
            else:
                chosen = generator.choice(rows, (models, self.seen))
                means[label] = features[np.arange(models)[:, None], chosen].mean(axis=1)
        direction, middle = means[1] - means[0], means.mean(axis=0)
        return (((features[:, test] - middle[:, None]) * direction[:, None]).sum(-1) > 0).astype(
            np.int64
        )


def _deal(generator: np.random.Generator, groups: int, folds: int) -> Integers:
    """A fold for each group, stratified: even and odd groups are the two classes."""
    dealt = np.empty(groups, np.int64)
    for label in (0, 1):
        mine = np.arange(label, groups, 2)
        dealt[generator.permutation(mine)] = np.arange(len(mine)) % folds
    return dealt


@dataclass(frozen=True)
class Scored:
    """Probabilities of pictures whose classes are normal clouds, alike within groups.

    Attributes:
        groups: How many, of one class each unless `mixed`.
        classes: How many; with `rare` the second holds a fifth of the groups.
        shift: Of the own class's logit.
        sizes: Of the groups.
        rare: Two classes, one of them rare.
        mixed: Pictures of a group are of any class.
    """

    groups: int
    classes: int = 2
    shift: float = 0.8
    sizes: Sizes = "equal"
    rare: bool = False
    mixed: bool = False

    def __str__(self) -> str:
        extra = ", one rare" * self.rare + ", mixed within groups" * self.mixed
        return (
            f"{self.groups} groups, {self.sizes}, {self.classes} classes, shift {self.shift}{extra}"
        )

    def predictions(self, generator: np.random.Generator) -> tuple[Predictions, Integers]:
        """Predictions and the group of each picture."""
        groups = owners(generator, self.groups, self.sizes)
        shares = [0.8, 0.2] if self.rare else [1 / self.classes] * self.classes
        if self.mixed:
            labels = generator.choice(self.classes, len(groups), p=shares)
        else:
            bounds = np.rint(np.cumsum(shares) * self.groups)
            of_group = np.searchsorted(bounds, np.arange(self.groups), side="right")
            labels = generator.permutation(of_group)[groups]
        noise = generator.normal(size=(self.groups, self.classes))[groups]
        noise += generator.normal(size=(len(groups), self.classes))
        logits = 1.5 * (self.shift * np.eye(self.classes)[labels] + 0.7 * noise)
        powers = np.exp(logits)
        names = tuple(f"c{c}" for c in range(self.classes))
        probabilities = powers / powers.sum(axis=1, keepdims=True)
        ids = np.arange(len(groups)).astype(np.str_)
        return Predictions(names, ids, labels.astype(np.int64), probabilities), groups
