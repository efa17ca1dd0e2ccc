"""From model folders to evidence: predictions of the test side, scores, costs, and looks."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.baselines.classical import load_classifier
from bakeoff.baselines.descriptors import describe
from bakeoff.baselines.forest import described_by, pixel_importances
from bakeoff.deep.repeats import repeat_head
from bakeoff.evidence.answers import Inputs, predict, read_test_side
from bakeoff.evidence.candidates import FOREST, MAJORITY, NETWORKS, Candidate
from bakeoff.evidence.comparison import (
    Comparison,
    Contender,
    compare,
    contender,
    majority_predictions,
)
from bakeoff.evidence.costs import Cost, Latency, clock_latency, cost_of
from bakeoff.evidence.galleries import Shown, choose_pictures
from bakeoff.evidence.network_predictions import Inspection, inspect_network
from bakeoff.evidence.predictions import Predictions
from bakeoff.evidence.spread import Spread
from bakeoff.evidence.table import comparison_table
from bakeoff.export.record_reading import read_pictures
from bakeoff.params.evidence import EvaluateParams

logger = logging.getLogger(__name__)

_CLOCKED = 8  # pictures in the batch that is clocked


@dataclass(frozen=True)
class Evidence:
    """Everything that is known about the models."""

    comparison: Comparison
    costs: Mapping[str, Cost]
    table: pd.DataFrame
    shown: Shown
    inspections: Mapping[str, Inspection]
    pictures: Mapping[int, NDArray[np.uint8]]
    spreads: Mapping[str, Spread]  # of heads trained again; empty unless asked for
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
    test = read_test_side(candidates, inputs)
    groups = np.unique(test.groups, return_inverse=True)[1].astype(np.int64)
    predictions = {c.name: predict(c, test, inputs) for c in candidates}
    contenders = [
        contender(c.name, c.metadata, predictions[c.name], groups, params=params, seed=seed)
        for c in candidates
    ]
    contenders.append(_majority(contenders[0], train_labels, groups, params, seed))
    comparison = compare(contenders, groups, params.confidence)
    shown = choose_pictures(predictions, params.gallery, params.grad_cam)
    pictures = read_pictures(inputs.records, "test", shown.places())
    inspections = _inspect(candidates, predictions, shown, pictures)
    batch = np.stack([pictures[int(place)] for place in shown.shared[:_CLOCKED]])
    latencies = {c.name: _latency(c, inspections, batch) for c in candidates}
    costs = {c.name: cost_of(c, latencies[c.name], inputs.features) for c in candidates}
    spreads = _repeat(candidates, inputs, params, seed)
    table = comparison_table(comparison, costs, spreads)
    importances = _importances(candidates)
    return Evidence(comparison, costs, table, shown, inspections, pictures, spreads, importances)


def _inspect(
    candidates: Sequence[Candidate],
    predictions: Mapping[str, Predictions],
    shown: Shown,
    pictures: Mapping[int, NDArray[np.uint8]],
) -> dict[str, Inspection]:
    """See what each network makes of the pictures that are shown for it."""
    inspections = {}
    for network in (c for c in candidates if c.kind in NETWORKS):
        logger.info("looking at %s", network.name)
        gallery = shown.galleries[network.name]
        explain = np.concatenate([gallery.seen_right, gallery.seen_wrong])
        inspections[network.name] = inspect_network(
            network, predictions[network.name], pictures, explain, shown.shared
        )
    return inspections


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
    return contender(MAJORITY, metadata, predictions, groups, params=params, seed=seed)


def _latency(
    candidate: Candidate, inspections: Mapping[str, Inspection], batch: NDArray[np.uint8]
) -> Latency:
    """Time to predict; on cached features that of the network that makes them."""
    if candidate.kind in NETWORKS:
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


def _repeat(
    candidates: Sequence[Candidate], inputs: Inputs, params: EvaluateParams, seed: int
) -> dict[str, Spread]:
    """Heads trained again with other seeds, as often as `evaluate.repeats` says."""
    heads = [c for c in candidates if c.kind == "head"] if params.repeats else []
    spreads = {}
    for head in heads:
        logger.info("training the head of %s with %d other seeds", head.name, params.repeats)
        spreads[head.name] = repeat_head(head, inputs.features / head.name, params.repeats, seed)
    return spreads


def _importances(candidates: Sequence[Candidate]) -> NDArray[np.float64] | None:
    forest = next(c for c in candidates if c.name == FOREST)
    descriptors, side = described_by(forest.metadata)
    loaded = load_classifier(forest.folder)
    return pixel_importances(loaded, descriptors, side, forest.metadata["channels"])
