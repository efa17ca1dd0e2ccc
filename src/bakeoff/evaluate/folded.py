"""Recipes compared in folds, where every picture is a test picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.evaluate.comparison import (
    Comparison,
    Contender,
    compare,
    contender,
    majority_metadata,
)
from bakeoff.evaluate.intervals import FOLDS_WIDEN, folds_widening
from bakeoff.evaluate.learning_curve import CurveReading, read_outcomes
from bakeoff.evaluate.outcomes import Floats, Integers, Outcomes
from bakeoff.evaluate.pairings import Pairing, against_rival
from bakeoff.folds.out_of_fold import (
    NETWORK,
    FoldPredictions,
    LearningCurve,
    read_folds,
    read_learning_curve,
)
from bakeoff.params.evidence import EvaluateParams
from bakeoff.params.model_names import HEAD
from bakeoff.scoring.predictions import Predictions
from bakeoff.test_side.candidates import MAJORITY, Candidate

_OF_BACKBONE = ("backbone", "image_side", "weights", "n_train", "n_val", "record_side")


@dataclass(frozen=True)
class Curve:
    """A regression trained on growing shares of each training part.

    `pictures` counts those trained on, the mean over all parts; `accuracy` is at each of these
    sizes, `reading` of the curve's end.
    """

    pictures: tuple[float, ...]
    accuracy: tuple[float, ...]
    reading: CurveReading


def read_all_folds(
    folder: Path, candidates: Sequence[Candidate]
) -> tuple[list[FoldPredictions], dict[str, LearningCurve]]:
    """The out-of-fold predictions of all recipes, and the learning curves by backbone.

    In `folder`, `data/folds`, other models' files are not read.
    """
    names = [c.name for c in candidates if c.kind != "logistic" and (folder / c.name).is_dir()]
    folds = [predictions for name in names for predictions in read_folds(folder / name).values()]
    curves = {name: read_learning_curve(folder / name) for name in names}
    return folds, {name: curve for name, curve in curves.items() if curve is not None}


def recipe_metadata(candidates: Sequence[Candidate]) -> dict[str, dict[str, Any]]:
    """The metadata of every recipe: of its model, or of a forest on a backbone's features."""
    found = {c.name: c.metadata for c in candidates}
    for candidate in candidates:
        if candidate.kind in ("head", "fine_tuned"):
            own = {key: candidate.metadata.get(key) for key in _OF_BACKBONE}
            params = {"descriptors": [f"features:{candidate.name}"]}
            found[f"forest_{candidate.name}"] = own | {"kind": "forest", "params": params}
        if candidate.kind == "fine_tuned":
            found[f"{HEAD}{candidate.name}"] = candidate.metadata | {"kind": "head"}
    return found | {MAJORITY: majority_metadata(candidates[0].metadata)}


def recipe_name(predictions: FoldPredictions, kind: str) -> str:
    """The name of the row: that of the model, of this `kind`, which the recipe trains."""
    own = {"forest": "forest", "head": "head"}.get(kind, NETWORK)
    joined = f"{predictions.recipe}_{predictions.model}"
    return predictions.model if predictions.recipe == own else joined


def is_whole(predictions: FoldPredictions) -> bool:
    """Whether every picture was predicted, not only those of one fold."""
    return not np.isnan(predictions.probabilities).any()


def against_twins(
    folds: Sequence[FoldPredictions], candidates: Sequence[Candidate], confidence: float
) -> dict[str, Pairing]:
    """Networks that were trained on pictures in one fold, against their heads on the same ones."""
    kinds = {c.name: c.kind for c in candidates}
    heads = {f.model: f for f in folds if f.recipe == "head"}
    found = {}
    for network in folds:
        head = heads.get(network.model)
        if is_whole(network) or head is None:
            continue
        tested = ~np.isnan(network.probabilities[0, :, 0])
        right = np.stack([network.right[0, tested], head.right[0, tested]])
        groups = np.unique(network.groups[tested], return_inverse=True)[1].astype(np.int64)
        names = (network.model, recipe_name(head, kinds[network.model]))
        (pairing,) = against_rival(Outcomes(names, right[None], groups), names[1], confidence)
        found[network.model] = pairing
    return found


def compare_folds(
    folds: Sequence[FoldPredictions],
    candidates: Sequence[Candidate],
    params: EvaluateParams,
    seed: int,
) -> Comparison:
    """Compare all recipes on every picture, by out-of-fold predictions of the same pictures."""
    first = folds[0]
    groups = np.unique(first.groups, return_inverse=True)[1].astype(np.int64)
    metadata = recipe_metadata(candidates)
    whole = [f for f in folds if is_whole(f)]
    contenders = [_contender(f, metadata, groups, params.confidence) for f in whole]
    contenders.append(_majority(first, metadata[MAJORITY], groups, params.confidence))
    return compare(
        contenders,
        groups,
        params.confidence,
        resamples=params.bootstrap,
        seed=seed,
        folds=first.folds,
    )


def _contender(
    folds: FoldPredictions,
    metadata: dict[str, dict[str, Any]],
    groups: Integers,
    confidence: float,
) -> Contender:
    name = recipe_name(folds, metadata[folds.model]["kind"])
    outcomes = Outcomes((name,), folds.right[:, None], groups, folds.folds)
    return contender(
        name,
        metadata[name],
        repeats_of(folds),
        groups,
        confidence=confidence,
        temperatures=temperatures_of(folds),
        widen=folds_widening(outcomes, 0),
    )


def repeats_of(folds: FoldPredictions) -> list[Predictions]:
    """The predictions of each repeat."""
    return [
        Predictions(folds.classes, folds.image_ids, folds.labels, p.astype(np.float64))
        for p in folds.probabilities
    ]


def temperatures_of(folds: FoldPredictions) -> list[Floats]:
    """The temperature behind each prediction, by repeat, shape `(n, 1)`."""
    of_parts = np.array(folds.facts["temperatures"], np.float64)
    return list(np.take_along_axis(of_parts, folds.folds, axis=1)[..., None])


def _majority(
    like: FoldPredictions, metadata: dict[str, Any], groups: Integers, confidence: float
) -> Contender:
    """The majority class of each training part, with its shares."""
    classes = len(like.classes)
    repeats = []
    for tested in like.folds:
        counts = [
            np.bincount(like.labels[tested != f], minlength=classes)
            for f in range(tested.max() + 1)
        ]
        shares = np.array(counts, np.float64)
        shares /= shares.sum(axis=1, keepdims=True)
        repeats.append(Predictions(like.classes, like.image_ids, like.labels, shares[tested]))
    return contender(MAJORITY, metadata, repeats, groups, confidence=confidence, widen=FOLDS_WIDEN)


def read_fold_curve(curve: LearningCurve, like: FoldPredictions) -> Curve:
    """Read a backbone's learning curve; `like` are any predictions in the same folds."""
    groups = np.unique(like.groups, return_inverse=True)[1].astype(np.int64)
    names = tuple(f"{share:g}" for share in curve.fractions)
    outcomes = Outcomes(names, curve.right, groups, like.folds)
    reading = read_outcomes(list(curve.fractions), outcomes, widen=FOLDS_WIDEN)
    accuracy = curve.right.mean(axis=(0, 2))
    return Curve(tuple(curve.pictures.tolist()), tuple(accuracy.tolist()), reading)
