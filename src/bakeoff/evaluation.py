"""From model folders to evidence: predictions of the test side, scores, costs, and looks."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff import galleries
from bakeoff.candidates import FOREST, MAJORITY, Candidate
from bakeoff.classical import load_classifier
from bakeoff.comparison import Comparison, Contender, compare, contender, majority_predictions
from bakeoff.costs import Cost, Latency, clock_latency, cost_of
from bakeoff.descriptors import describe
from bakeoff.errors import BakeoffError
from bakeoff.forest import describe_side, described_by, pixel_importances
from bakeoff.galleries import Places
from bakeoff.network_predictions import (
    Inspection,
    head_probabilities,
    inspect_network,
    network_probabilities,
)
from bakeoff.params.evidence import EvaluateParams
from bakeoff.predictions import Predictions
from bakeoff.sides import Side, read_feature_side, read_pictures
from bakeoff.table import comparison_table

logger = logging.getLogger(__name__)

_NETWORKS = ("head", "fine_tuned", "from_scratch")
_EACH_CLASS = 12  # pictures of each class behind a mean map
_SHARED = 36  # and of all classes


@dataclass(frozen=True)
class Inputs:
    """Where evaluation reads."""

    records: Path
    features: Path


@dataclass(frozen=True)
class Gallery:
    """Places on the test side that are shown for one model."""

    mistakes: Places
    seen_right: Places
    seen_wrong: Places


@dataclass(frozen=True)
class Evidence:
    """Everything that is known about the models."""

    comparison: Comparison
    costs: Mapping[str, Cost]
    table: pd.DataFrame
    galleries: Mapping[str, Gallery]
    hardest: Places
    shared: Places  # the same for all models, some of each class
    inspections: Mapping[str, Inspection]
    pictures: Mapping[int, NDArray[np.uint8]]
    importances: NDArray[np.float64] | None  # of the forest's pixels, (side, side)


def gather_evidence(
    candidates: Sequence[Candidate],
    inputs: Inputs,
    train_labels: Mapping[str, int],
    params: EvaluateParams,
    seed: int,
) -> Evidence:
    """Evaluate the candidates on the test side.

    Args:
        candidates: The forest among them.
        inputs: Where records and features are.
        train_labels: Training originals of each class, for the majority row.
        params: The block `evaluate`.
        seed: Of the bootstrap.

    Raises:
        BakeoffError: the test pictures of two models differ.
    """
    test = _test_side(candidates, inputs)
    groups = np.unique(test.groups, return_inverse=True)[1].astype(np.int64)
    predictions = {c.name: _predict(c, test, inputs) for c in candidates}
    contenders = [
        contender(c.name, c.metadata, predictions[c.name], groups, params, seed)
        for c in candidates
    ]
    contenders.append(_majority(contenders[0], train_labels, groups, params, seed))
    comparison = compare(contenders, groups, params.confidence)

    chosen = {c.name: _gallery(predictions[c.name], params) for c in candidates}
    hardest = galleries.hardest(list(predictions.values()), params.gallery)
    shared = galleries.first_of_each_class(test.labels, _EACH_CLASS, _SHARED)
    pictures = read_pictures(inputs.records, "test", _places(chosen, hardest, shared))

    inspections = {}
    for candidate in candidates:
        if candidate.kind in _NETWORKS:
            logger.info("looking at %s", candidate.name)
            explain = np.concatenate(
                [chosen[candidate.name].seen_right, chosen[candidate.name].seen_wrong]
            )
            inspections[candidate.name] = inspect_network(
                candidate, predictions[candidate.name], pictures, explain, shared
            )
    batch = np.stack([pictures[int(place)] for place in shared[:16]])
    latencies = {c.name: _latency(c, inspections, batch) for c in candidates}
    costs = {c.name: cost_of(c, latencies[c.name], inputs.features) for c in candidates}
    return Evidence(
        comparison,
        costs,
        comparison_table(comparison, costs),
        chosen,
        hardest,
        shared,
        inspections,
        pictures,
        _importances(candidates),
    )


def _test_side(candidates: Sequence[Candidate], inputs: Inputs) -> Side:
    """The test originals, with the forest's descriptors as their vectors."""
    forest = next(c for c in candidates if c.name == FOREST)
    descriptors, side = described_by(forest.metadata)
    return describe_side(descriptors, side, "test", inputs.records, inputs.features).originals()


def _predict(candidate: Candidate, test: Side, inputs: Inputs) -> Predictions:
    """One model's probabilities of the test originals.

    Raises:
        BakeoffError: its cached features are of other pictures.
    """
    values = test.values
    if candidate.features:
        cached = read_feature_side(inputs.features / candidate.features, "test").originals()
        if cached.sha256 != test.sha256:
            raise BakeoffError(
                f"{inputs.features / candidate.features} and {inputs.records} hold different test "
                f"pictures; run `dvc repro features@{candidate.features}`"
            )
        values = cached.values
    if candidate.kind == "head":
        probabilities = head_probabilities(candidate.folder, values)
    elif candidate.kind in _NETWORKS:
        probabilities = network_probabilities(candidate.folder, inputs.records)
    else:
        probabilities = load_classifier(candidate.folder).probabilities(values)
    return Predictions(candidate.classes, test.image_ids, test.labels, probabilities)


def _majority(
    like: Contender,
    train_labels: Mapping[str, int],
    groups: NDArray[np.int64],
    params: EvaluateParams,
    seed: int,
) -> Contender:
    metadata = {
        "kind": "majority",
        "n_train": like.metadata["n_train"],
        "n_val": like.metadata["n_val"],
    }
    predictions = majority_predictions(like.predictions, train_labels)
    return contender(MAJORITY, metadata, predictions, groups, params, seed)


def _gallery(predictions: Predictions, params: EvaluateParams) -> Gallery:
    return Gallery(
        galleries.confident_mistakes(predictions, params.gallery),
        galleries.confident_right(predictions, params.grad_cam),
        galleries.confident_mistakes(predictions, params.grad_cam),
    )


def _places(chosen: Mapping[str, Gallery], *more: Places) -> set[int]:
    """Every place that some gallery shows."""
    shown = [*more]
    for gallery in chosen.values():
        shown += [gallery.mistakes, gallery.seen_right, gallery.seen_wrong]
    return {int(place) for place in np.concatenate(shown)}


def _latency(
    candidate: Candidate, inspections: Mapping[str, Inspection], batch: NDArray[np.uint8]
) -> Latency:
    """Time to predict; on cached features that of the network that makes them."""
    if candidate.kind in _NETWORKS:
        return inspections[candidate.name].latency
    if candidate.kind == "logistic":
        network = inspections.get(str(candidate.features))
        return network.latency if network else Latency()
    descriptors, side = described_by(candidate.metadata)
    if any(name.startswith("features:") for name in descriptors):
        return Latency()
    forest = load_classifier(candidate.folder)
    return clock_latency(
        lambda pictures: forest.probabilities(describe(pictures, descriptors, side)), batch
    )


def _importances(candidates: Sequence[Candidate]) -> NDArray[np.float64] | None:
    forest = next(c for c in candidates if c.name == FOREST)
    descriptors, side = described_by(forest.metadata)
    loaded = load_classifier(forest.folder)
    return pixel_importances(loaded, descriptors, side, forest.metadata["channels"])
