"""What exported networks say of the test side, and where they look."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bakeoff.deep.heads import load_head
from bakeoff.deep.keras_files import load_keras
from bakeoff.errors import BakeoffError
from bakeoff.evidence.candidates import Candidate
from bakeoff.evidence.costs import Latency, clock_latency
from bakeoff.evidence.galleries import Places
from bakeoff.evidence.gradcam import Network
from bakeoff.evidence.predictions import Predictions
from bakeoff.export.record_reading import record_batches
from bakeoff.tensors import keras

logger = logging.getLogger(__name__)

_HEAD_ROWS = 4096
_CLOCKED_BATCH = 8

# Rounding differs between batch sizes and devices; beyond the first a person should know, beyond
# the second the file does not hold the head that was evaluated.
_NOTABLE_GAP = 1e-4
_LARGEST_GAP = {"float32": 0.01, "mixed_bfloat16": 0.1, "mixed_float16": 0.1}


@dataclass(frozen=True)
class Inspection:
    """What one network was seen to do with a few pictures."""

    latency: Latency
    explained: Mapping[int, NDArray[np.float32]]  # place -> Grad-CAM of the predicted class
    mean_maps: Mapping[str, NDArray[np.float32]]  # class -> mean Grad-CAM of that class
    largest_gap: float  # between model.keras and the evaluated probabilities


def head_probabilities(folder: Path, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Calibrated probabilities `(n, k)` of cached features `(n, d)`, by `head.keras`."""
    head = load_head(folder / "head.keras")
    parts = [
        keras.ops.convert_to_numpy(head(features[start : start + _HEAD_ROWS], training=False))
        for start in range(0, len(features), _HEAD_ROWS)
    ]
    return np.concatenate(parts).astype(np.float64)


def network_probabilities(folder: Path, records: Path) -> NDArray[np.float64]:
    """Calibrated probabilities `(n, k)` of the test originals, by `model.keras` on the records."""
    network: Network | None = None
    parts = []
    for batch in record_batches(records, "test"):
        if network is None:
            network = Network(load_keras(folder / "model.keras"), batch.images.shape[1:])
        originals = batch.images[batch.transforms == "original"]
        if len(originals):
            parts.append(network.probabilities(originals))
    return np.concatenate(parts)


def inspect_network(
    candidate: Candidate,
    predictions: Predictions,
    pictures: Mapping[int, NDArray[np.uint8]],
    explain: Places,
    shared: Places,
) -> Inspection:
    """Load `model.keras`, clock it, compare it with what was evaluated, and see where it looks.

    Args:
        candidate: A network.
        predictions: Its evaluated predictions of the test side.
        pictures: By place on the test side; holds all of `explain` and `shared`.
        explain: Places whose predicted class is to be explained.
        shared: Places, the same for all models, for the mean map of each true class.

    Raises:
        BakeoffError: the network's probabilities are not those that were evaluated.
    """
    places = np.concatenate([explain, shared])
    batch = np.stack([pictures[int(place)] for place in places])
    network = Network(load_keras(candidate.folder / "model.keras"), batch.shape[1:])
    wanted = np.concatenate([predictions.predicted[explain], predictions.labels[shared]])
    seen = network.look(batch, wanted)
    gap = float(np.abs(seen.probabilities - predictions.probabilities[places]).max())
    _check_gap(candidate, gap)
    latency = clock_latency(network.probabilities, batch[:_CLOCKED_BATCH])
    if seen.maps is None:
        return Inspection(latency, {}, {}, gap)
    cut = len(explain)
    explained = {int(p): m for p, m in zip(explain, seen.maps[:cut], strict=True)}
    truth = predictions.labels[shared]
    means = {
        name: seen.maps[cut:][truth == label].mean(axis=0)
        for label, name in enumerate(predictions.classes)
        if (truth == label).any()
    }
    return Inspection(latency, explained, means, gap)


def _check_gap(candidate: Candidate, gap: float) -> None:
    allowed = _LARGEST_GAP[candidate.metadata.get("precision") or "float32"]
    if gap > allowed:
        raise BakeoffError(
            f"{candidate.folder}/model.keras gives other probabilities (by up to {gap:.2g}) than "
            f"the head on cached features; run `dvc repro -f train@{candidate.name}`"
        )
    if gap > _NOTABLE_GAP and allowed == _LARGEST_GAP["float32"]:
        logger.warning(
            "%s: model.keras and the head on cached features differ by up to %.2g; features from "
            "another machine explain that",
            candidate.name,
            gap,
        )
