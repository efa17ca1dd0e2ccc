"""Compare models: intervals, paired differences, and conclusions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluate.influence import (
    groups_behind,
    recall_estimates,
    scale_of,
    score_estimates,
)
from bakeoff.evaluate.intervals import Interval, student_interval
from bakeoff.evaluate.outcomes import Outcomes, effective_groups
from bakeoff.evaluate.pairings import Pairing, against_best, against_rival
from bakeoff.evaluate.selection import out_of_bag_accuracy
from bakeoff.runtime.errors import BakeoffError
from bakeoff.scoring.predictions import Predictions
from bakeoff.scoring.scorecard import Scorecard, mean_scorecard
from bakeoff.test_side.candidates import FOREST, MAJORITY


@dataclass(frozen=True)
class Contender:
    """One row of the comparison: a model's predictions and scores."""

    name: str
    metadata: Mapping[str, Any]
    repeats: tuple[Predictions, ...]  # of the same pictures; one for a single split
    card: Scorecard
    uncalibrated: Scorecard  # before temperature scaling
    intervals: Mapping[str, Interval]
    recalls: tuple[Interval, ...]  # of each class
    groups_behind: Mapping[str, float]  # how many effective groups each interval rests on
    temperatures: tuple[NDArray[np.float64], ...]  # of each repeat, shape (1, 1) or (n, 1)

    @property
    def predictions(self) -> Predictions:
        """Those of the first repeat."""
        return self.repeats[0]

    @property
    def fallback(self) -> bool:
        """Whether random weights replace the requested pretrained ones."""
        weights = self.metadata.get("weights")
        return isinstance(weights, Mapping) and bool(weights.get("fallback"))


@dataclass(frozen=True)
class Comparison:
    """All contenders, best first, and three families of paired tests."""

    contenders: tuple[Contender, ...]
    groups: int
    effective_groups: float  # number of equal groups with the same precision
    against_forest: tuple[Pairing, ...]
    against_best: tuple[Pairing, ...]
    against_majority: tuple[Pairing, ...]
    out_of_bag: float  # accuracy to expect of the best, corrected for its selection
    folds: int = 0  # in which every picture is a test picture; 0 for a single split

    @property
    def trained(self) -> list[Contender]:
        """All contenders but the majority class, best first."""
        return [c for c in self.contenders if c.name != MAJORITY]

    @property
    def best(self) -> Contender:
        """The trained contender with the highest accuracy."""
        return self.trained[0]

    def named(self, name: str) -> Contender:
        """The contender called `name`."""
        return next(c for c in self.contenders if c.name == name)


def contender(
    name: str,
    metadata: Mapping[str, Any],
    repeats: Sequence[Predictions],
    groups: NDArray[np.int64],
    *,
    confidence: float,
    temperatures: Sequence[NDArray[np.float64]] | None = None,
    widen: float = 1.0,
) -> Contender:
    """Score one model, or a recipe by the models that it trained in folds.

    `repeats` are calibrated predictions of the same pictures, `groups` the pictures' groups, shape
    `(n,)`, in `0..g-1`. Each repeat's temperatures, shape `(n, 1)`, undo the calibration; by
    default it is the metadata's. `widen` multiplies standard errors, by `intervals.FOLDS_WIDEN` for
    folds.
    """
    sizes = np.bincount(groups)
    estimates = score_estimates(repeats, groups)
    found = {
        score: student_interval(
            estimate, sizes, confidence=confidence, scale=scale_of(score), widen=widen
        )
        for score, estimate in estimates.items()
    }
    behind = {name: groups_behind(name, estimate, sizes) for name, estimate in estimates.items()}
    recalls = _recall_intervals(repeats, groups, confidence, widen)
    known = np.full((1, 1), float(metadata.get("temperature", 1.0)))
    undo = tuple(temperatures or [known] * len(repeats))
    cards = scorecards(repeats, undo)
    return Contender(name, metadata, tuple(repeats), *cards, found, recalls, behind, undo)


def scorecards(
    repeats: Sequence[Predictions], temperatures: Sequence[NDArray[np.float64]]
) -> tuple[Scorecard, Scorecard]:
    """The scores with and without temperature scaling; arguments as for `contender`."""
    raw = [p.with_temperature(1 / t) for p, t in zip(repeats, temperatures, strict=True)]
    return mean_scorecard(repeats), mean_scorecard(raw)


def _recall_intervals(
    repeats: Sequence[Predictions], groups: NDArray[np.int64], confidence: float, widen: float
) -> tuple[Interval, ...]:
    """Intervals of each class's recall, over the groups with a picture of it."""
    intervals = []
    for label, estimate in enumerate(recall_estimates(repeats, groups)):
        mine = np.bincount(groups[repeats[0].labels == label])
        intervals.append(
            student_interval(
                estimate, mine[mine > 0], confidence=confidence, scale="proportion", widen=widen
            )
        )
    return tuple(intervals)


def majority_metadata(like: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata of the majority class's row."""
    return {"kind": "majority", "n_train": like["n_train"], "n_val": like["n_val"]}


def majority_predictions(like: Predictions, train_labels: Mapping[str, int]) -> Predictions:
    """Always the commonest training class, with the training shares, on the pictures of `like`."""
    counts = np.array([train_labels[c] for c in like.classes], np.float64)
    shares = np.tile(counts / counts.sum(), (len(like.labels), 1))
    return replace(like, probabilities=shares)


def compare(
    contenders: Sequence[Contender],
    groups: NDArray[np.int64],
    confidence: float,
    *,
    resamples: int = 20_000,
    seed: int = 0,
    folds: NDArray[np.int64] | None = None,
) -> Comparison:
    """Order contenders by accuracy, then kappa, then name, and pair each with three rivals.

    `groups` has shape `(n,)`, in `0..g-1`; `folds`, shape `(R, n)`, says where each picture was
    tested, None for a single split. `resamples` random draws serve the tests and the selection of
    the best. BakeoffError where two contenders were scored on different pictures.
    """
    check_scored_alike(contenders)
    ordered = sorted(
        contenders,
        key=lambda c: (
            -c.card.overall["accuracy"],
            -np.nan_to_num(c.card.overall["cohen_kappa"]),
            c.name,
        ),
    )
    names = [c.name for c in ordered]
    trained = [name for name in names if name != MAJORITY]
    right = np.stack([[p.right for p in c.repeats] for c in ordered], axis=1)
    outcomes = Outcomes(tuple(names), right, groups, folds)
    models = outcomes.only(trained)
    return Comparison(
        tuple(ordered),
        int(groups.max()) + 1,
        effective_groups(outcomes.sizes),
        against_rival(models, FOREST, confidence) if FOREST in names else (),
        against_best(models, trained[0], confidence, draws=resamples, seed=seed),
        against_rival(outcomes, MAJORITY, confidence) if MAJORITY in names else (),
        out_of_bag_accuracy(models.per_picture, groups, resamples, seed),
        0 if folds is None else int(folds.max()) + 1,
    )


def check_scored_alike(contenders: Sequence[Contender]) -> None:
    """BakeoffError unless every contender lists the same test pictures with the same truth."""
    first = contenders[0]
    for other in contenders[1:]:
        same = np.array_equal(other.predictions.image_ids, first.predictions.image_ids)
        if not same or not np.array_equal(other.predictions.labels, first.predictions.labels):
            raise BakeoffError(
                f"{other.name} and {first.name} were scored on different test pictures; "
                "run `dvc repro` to make features and records from the same split"
            )
