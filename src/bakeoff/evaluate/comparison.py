"""Models side by side: intervals, paired differences, and who may be called better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluate.influence import recall_estimates, scale_of, score_estimates
from bakeoff.evaluate.intervals import Interval, groups_behind, student_interval
from bakeoff.evaluate.outcomes import Outcomes, effective_groups
from bakeoff.evaluate.pairings import Pairing, against_best, against_rival
from bakeoff.evaluate.selection_bias import out_of_bag_accuracy
from bakeoff.runtime.errors import BakeoffError
from bakeoff.scoring.predictions import Predictions
from bakeoff.scoring.scorecard import Scorecard, scorecard
from bakeoff.test_side.candidates import FOREST, MAJORITY


@dataclass(frozen=True)
class Contender:
    """One row of the comparison: what a model said of the test side and what that is worth."""

    name: str
    metadata: Mapping[str, Any]
    predictions: Predictions
    card: Scorecard
    uncalibrated: Scorecard  # before temperature scaling
    intervals: Mapping[str, Interval]
    recalls: tuple[Interval, ...]  # of each class
    groups_behind: Mapping[str, float]  # how many effective groups each interval rests on


@dataclass(frozen=True)
class Comparison:
    """All contenders, best first, and three families of paired tests."""

    contenders: tuple[Contender, ...]
    groups: int
    effective_groups: float  # of equal size, worth as much as the groups there are
    against_forest: tuple[Pairing, ...]
    against_best: tuple[Pairing, ...]
    against_majority: tuple[Pairing, ...]
    out_of_bag: float  # accuracy to expect of the best, without the luck of having been chosen

    @property
    def best(self) -> Contender:
        """The trained contender with the highest accuracy."""
        return next(c for c in self.contenders if c.name != MAJORITY)

    def named(self, name: str) -> Contender:
        """The contender called `name`."""
        return next(c for c in self.contenders if c.name == name)


def contender(
    name: str,
    metadata: Mapping[str, Any],
    predictions: Predictions,
    groups: NDArray[np.int64],
    *,
    confidence: float,
) -> Contender:
    """Score one model.

    Args:
        name: The model's name.
        metadata: Its `metadata.json`; `temperature` undoes the calibration.
        predictions: Calibrated, of the test side.
        groups: Each picture's group, shape `(n,)`, in `0..g-1`.
        confidence: Of the intervals.
    """
    card = scorecard(predictions)
    raw = predictions.with_temperature(1 / float(metadata.get("temperature", 1.0)))
    sizes = np.bincount(groups)
    estimates = score_estimates([predictions], groups)
    found = {
        score: student_interval(estimate, sizes, confidence=confidence, scale=scale_of(score))
        for score, estimate in estimates.items()
    }
    behind = {score: groups_behind(estimate, sizes) for score, estimate in estimates.items()}
    recalls = _recall_intervals(predictions, groups, confidence)
    return Contender(name, metadata, predictions, card, scorecard(raw), found, recalls, behind)


def _recall_intervals(
    predictions: Predictions, groups: NDArray[np.int64], confidence: float
) -> tuple[Interval, ...]:
    """Of each class, over the groups that hold a picture of it."""
    intervals = []
    for label, estimate in enumerate(recall_estimates([predictions], groups)):
        mine = np.bincount(groups[predictions.labels == label])
        intervals.append(
            student_interval(estimate, mine[mine > 0], confidence=confidence, scale="share")
        )
    return tuple(intervals)


def majority_predictions(like: Predictions, train_labels: Mapping[str, int]) -> Predictions:
    """What comes of always saying the commonest training class, with the training shares.

    Args:
        like: Any model's predictions of the same pictures.
        train_labels: Training originals of each class.
    """
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
) -> Comparison:
    """Order contenders by accuracy, then kappa, then name, and pair each with three rivals.

    Args:
        contenders: Scored on the same pictures.
        groups: Each picture's group, shape `(n,)`, in `0..g-1`.
        confidence: Of intervals and tests.
        resamples: Random draws of the tests, and of the choice of the best.
        seed: Of these.

    Raises:
        BakeoffError: two contenders were scored on different pictures.
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
    outcomes = Outcomes(
        tuple(names), np.stack([c.predictions.right for c in ordered])[None], groups
    )
    models = outcomes.only(trained)
    return Comparison(
        tuple(ordered),
        int(groups.max()) + 1,
        effective_groups(outcomes.sizes),
        against_rival(models, FOREST, confidence) if FOREST in names else (),
        against_best(models, trained[0], confidence, draws=resamples, seed=seed),
        against_rival(outcomes, MAJORITY, confidence) if MAJORITY in names else (),
        out_of_bag_accuracy(models.right[0].astype(np.bool_), groups, resamples, seed),
    )


def check_scored_alike(contenders: Sequence[Contender]) -> None:
    """Every contender must list the same test pictures with the same truth.

    Raises:
        BakeoffError: naming the two that differ.
    """
    first = contenders[0]
    for other in contenders[1:]:
        same = np.array_equal(other.predictions.image_ids, first.predictions.image_ids)
        if not same or not np.array_equal(other.predictions.labels, first.predictions.labels):
            raise BakeoffError(
                f"{other.name} and {first.name} were scored on different test pictures; "
                "run `dvc repro` to make features and records from the same split"
            )
