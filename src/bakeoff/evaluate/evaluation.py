"""From model folders to conclusions: predictions of the test side, scores, tests, inspections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluate.comparison import (
    Comparison,
    Contender,
    compare,
    contender,
    majority_metadata,
    majority_predictions,
)
from bakeoff.evaluate.folded import Curve, against_twins, compare_folds, is_whole, read_fold_curve
from bakeoff.evaluate.pairings import Pairing
from bakeoff.folds.out_of_fold import FoldPredictions, LearningCurve
from bakeoff.params.evidence import EvaluateParams
from bakeoff.scoring.predictions import Predictions
from bakeoff.test_side.candidates import MAJORITY, NETWORKS, Candidate
from bakeoff.test_side.galleries import Shown, choose_pictures
from bakeoff.test_side.inspection import Inspection, inspect_forest, inspect_network
from bakeoff.test_side.probabilities import Inputs, predict, read_test_side
from bakeoff.test_side.repeats import Spread, repeated
from bakeoff.tfrecord.numpy_reading import read_pictures


@dataclass(frozen=True)
class Evaluation:
    """The result of the evaluation; only the inspections' latency is a measured time."""

    test: Comparison  # the exported models on the test side of the split
    folds: Comparison | None  # the recipes on every picture, where folds were dealt
    curves: Mapping[str, Curve]  # of each backbone's regression, where folds were dealt
    inspections: Mapping[str, Inspection]  # of networks and forest
    spreads: Mapping[str, Spread]  # of retrained heads; empty without `evaluate.repeats`
    # As `test`, without the test images that also stand in training; None where there are none, or
    # none is left
    clean: Comparison | None = None
    # Networks trained on pictures in one fold, each against its frozen head
    twins: Mapping[str, Pairing] = field(default_factory=dict)
    leaking: int = 0  # how many test images also stand in training

    @property
    def comparison(self) -> Comparison:
        """The basis of the conclusions: the folds if there are any, else the clean test side."""
        return self.folds or self.clean or self.test


def evaluate_models(
    candidates: Sequence[Candidate],
    inputs: Inputs,
    train_labels: Mapping[str, int],
    params: EvaluateParams,
    seed: int,
    *,
    folds: Sequence[FoldPredictions] = (),
    curves: Mapping[str, LearningCurve] | None = None,
    leaking: frozenset[str] = frozenset(),
) -> Evaluation:
    """Evaluate the candidates on the test side, and their recipes on the folds.

    The forest is among the candidates. `train_labels` counts the training originals of each class,
    for the majority row. `folds` are out-of-fold predictions of all recipes, none for `design:
    split`, and `curves` their learning curves by backbone. `leaking` are the test images that also
    stand in training. BakeoffError where the test pictures of two models differ.
    """
    test = read_test_side(inputs)
    groups = np.unique(test.groups, return_inverse=True)[1].astype(np.int64)
    predictions = {c.name: predict(c, test, inputs) for c in candidates}
    contenders = [
        contender(c.name, c.metadata, [predictions[c.name]], groups, confidence=params.confidence)
        for c in candidates
    ]
    contenders.append(_majority(contenders[0], train_labels, groups, params.confidence))
    test_side = compare(
        contenders, groups, params.confidence, resamples=params.bootstrap, seed=seed
    )
    shown = choose_pictures(predictions, params.gallery, params.grad_cam)
    pictures = read_pictures(inputs.records, "test", shown.places())
    inspections = _inspect(candidates, predictions, shown, pictures)
    spreads = _repeat(candidates, inputs, params, seed)
    whole = any(map(is_whole, folds))
    recipes = compare_folds(folds, candidates, params, seed) if whole else None
    read = {name: read_fold_curve(curve, folds[0]) for name, curve in (curves or {}).items()}
    kept = ~np.isin(test.image_ids, sorted(leaking))
    clean = _only(contenders, groups, kept, params, seed) if 0 < kept.sum() < len(kept) else None
    return Evaluation(
        test=test_side,
        folds=recipes,
        curves=read,
        inspections=inspections,
        spreads=spreads,
        clean=clean,
        twins=against_twins(folds, candidates, params.confidence),
        leaking=int((~kept).sum()),
    )


def _only(
    contenders: Sequence[Contender],
    groups: NDArray[np.int64],
    kept: NDArray[np.bool_],
    params: EvaluateParams,
    seed: int,
) -> Comparison:
    """The comparison on some of the test images."""
    own = np.unique(groups[kept], return_inverse=True)[1].astype(np.int64)
    fewer = [
        contender(c.name, c.metadata, [c.predictions.only(kept)], own, confidence=params.confidence)
        for c in contenders
    ]
    return compare(fewer, own, params.confidence, resamples=params.bootstrap, seed=seed)


def _inspect(
    candidates: Sequence[Candidate],
    predictions: Mapping[str, Predictions],
    shown: Shown,
    pictures: Mapping[int, NDArray[np.uint8]],
) -> dict[str, Inspection]:
    """Inspect networks and forest on some of the shown pictures."""
    inspections = {}
    for candidate in candidates:
        gallery = shown.galleries[candidate.name]
        if candidate.kind in NETWORKS:
            explain = np.concatenate([gallery.seen_right, gallery.seen_wrong])
            inspections[candidate.name] = inspect_network(
                candidate, predictions[candidate.name], pictures, explain, shown.shared
            )
        elif candidate.kind == "forest":
            shared = np.stack([pictures[int(place)] for place in shown.shared])
            inspections[candidate.name] = inspect_forest(candidate, shared)
    return inspections


def _majority(
    like: Contender,
    train_labels: Mapping[str, int],
    groups: NDArray[np.int64],
    confidence: float,
) -> Contender:
    predictions = majority_predictions(like.predictions, train_labels)
    metadata = majority_metadata(like.metadata)
    return contender(MAJORITY, metadata, [predictions], groups, confidence=confidence)


def _repeat(
    candidates: Sequence[Candidate], inputs: Inputs, params: EvaluateParams, seed: int
) -> dict[str, Spread]:
    """Train heads again with other seeds, `evaluate.repeats` times."""
    heads = [c for c in candidates if c.kind == "head"] if params.repeats else []
    return {
        head.name: repeated(head, inputs.features / head.name, params.repeats, seed)
        for head in heads
    }
