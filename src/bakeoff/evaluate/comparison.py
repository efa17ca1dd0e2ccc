"""Models side by side: intervals, paired differences, and who may be called better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluate.intervals import (
    Interval,
    group_swap,
    holm,
    mcnemar,
    percentile_interval,
    share_interval,
)
from bakeoff.evaluate.resampled_scores import resampled_scores
from bakeoff.evaluate.selection_bias import out_of_bag_accuracy
from bakeoff.params.evidence import EvaluateParams
from bakeoff.runtime.errors import BakeoffError
from bakeoff.scoring.predictions import Predictions
from bakeoff.scoring.scorecard import Scorecard, scorecard
from bakeoff.test_side.candidates import FOREST, MAJORITY

Conclusion = Literal["better", "worse", "no difference shown"]


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
    samples: Mapping[str, NDArray[np.float64]]  # bootstrap resamples, paired over contenders


@dataclass(frozen=True)
class Pairing:
    """A model against a rival on the same pictures; differences are in accuracy."""

    model: str
    rival: str
    difference: float  # model minus rival
    interval: Interval
    mcnemar_p: float  # pictures as if independent
    p_value: float  # the same test with whole groups swapped
    p_adjusted: float  # p_value after Holm over all pairings with this rival
    confidence: float

    @property
    def conclusion(self) -> Conclusion:
        """What may be said of `model`."""
        if self.p_adjusted >= 1 - self.confidence:
            return "no difference shown"
        return "better" if self.difference > 0 else "worse"


@dataclass(frozen=True)
class Comparison:
    """All contenders, best first, and the two families of paired tests."""

    contenders: tuple[Contender, ...]
    groups: int
    against_forest: tuple[Pairing, ...]
    against_best: tuple[Pairing, ...]
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
    params: EvaluateParams,
    seed: int,
) -> Contender:
    """Score one model and its resamples.

    Args:
        name: The model's name.
        metadata: Its `metadata.json`; `temperature` undoes the calibration.
        predictions: Calibrated, of the test side.
        groups: Each picture's group, shape `(n,)`, in `0..g-1`.
        params: How many resamples and which confidence.
        seed: The same for every contender, so that their resamples are paired.
    """
    card = scorecard(predictions)
    raw = predictions.with_temperature(1 / float(metadata.get("temperature", 1.0)))
    samples = resampled_scores(predictions, groups, params.bootstrap, seed)
    count = int(groups.max()) + 1
    found = {
        score: percentile_interval(drawn, count, params.confidence)
        for score, drawn in samples.items()
        if drawn.ndim == 1
    }
    found["accuracy"] = share_interval(
        samples["accuracy"], card.overall["accuracy"], count, params.confidence
    )
    recalls = tuple(
        share_interval(
            samples["recall"][:, label],
            card.per_class["recall"][label],
            len(np.unique(groups[predictions.labels == label])),
            params.confidence,
        )
        for label in range(len(predictions.classes))
    )
    return Contender(name, metadata, predictions, card, scorecard(raw), found, recalls, samples)


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
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Order contenders by accuracy, then kappa, then name, and pair each with forest and best.

    Args:
        contenders: Scored on the same pictures.
        groups: Each picture's group, shape `(n,)`, in `0..g-1`.
        confidence: Of intervals and tests.
        resamples: In which the choice of the best is repeated.
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
    named = {c.name: c for c in ordered}
    trained = [c for c in ordered if c.name != MAJORITY]
    return Comparison(
        tuple(ordered),
        int(groups.max()) + 1,
        _pairings(trained, named[FOREST], groups, confidence) if FOREST in named else (),
        _pairings(trained, trained[0], groups, confidence),
        out_of_bag_accuracy(
            np.stack([c.predictions.right for c in trained]), groups, resamples, seed
        ),
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


def _pairings(
    models: Sequence[Contender], rival: Contender, groups: NDArray[np.int64], confidence: float
) -> tuple[Pairing, ...]:
    """Each model against `rival`, p-values adjusted for their number."""
    pairs = [_pairing(m, rival, groups, confidence) for m in models if m.name != rival.name]
    adjusted = holm(np.array([pair.p_value for pair in pairs]))
    return tuple(replace(p, p_adjusted=float(a)) for p, a in zip(pairs, adjusted, strict=True))


def _pairing(
    model: Contender, rival: Contender, groups: NDArray[np.int64], confidence: float
) -> Pairing:
    ours, theirs = model.predictions.right, rival.predictions.right
    count = int(groups.max()) + 1
    gained = np.bincount(groups, ours.astype(np.float64) - theirs, count).astype(np.int64)
    p_value = group_swap(gained)
    drawn = model.samples["accuracy"] - rival.samples["accuracy"]
    return Pairing(
        model.name,
        rival.name,
        float(ours.mean() - theirs.mean()),
        percentile_interval(drawn, count, confidence),
        mcnemar(ours, theirs),
        p_value,
        p_value,
        confidence,
    )
