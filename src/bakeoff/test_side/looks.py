"""Inspect models on a few pictures: latency, Grad-CAM maps, importances; results are cached."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bakeoff.runtime.errors import BakeoffError
from bakeoff.scoring.predictions import Predictions
from bakeoff.test_side.cache import Arrays, remembered, sha256_of_array
from bakeoff.test_side.candidates import Candidate
from bakeoff.test_side.galleries import Places
from bakeoff.test_side.latency import Latency, clock_latency

logger = logging.getLogger(__name__)

_CLOCKED = 8  # pictures in the timed batch

# Rounding differs between batch sizes and devices. Above the first limit a warning appears; above
# the second the file cannot hold the evaluated head.
_NOTABLE_GAP = 1e-4
_LARGEST_GAP = {"float32": 0.01, "mixed_bfloat16": 0.1, "mixed_float16": 0.1}


@dataclass(frozen=True)
class Inspection:
    """Results of inspecting one model on a few pictures."""

    latency: Latency = Latency()
    explained: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)
    """By place, Grad-CAM of the predicted class."""
    mean_maps: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """By class, mean Grad-CAM of that class."""
    importances: NDArray[np.float64] | None = None  # of a forest's pixels, (side, side)


def inspect_network(
    candidate: Candidate,
    predictions: Predictions,
    pictures: Mapping[int, NDArray[np.uint8]],
    explain: Places,
    shared: Places,
) -> Inspection:
    """Compute a network's Grad-CAM maps and latency, and compare it with its evaluation.

    Args:
        candidate: A network.
        predictions: Its evaluated predictions of the test side.
        pictures: By index on the test side; contains all of `explain` and `shared`.
        explain: Indices whose predicted class is explained.
        shared: Indices, the same for all models, for the mean map of each true class.

    Raises:
        BakeoffError: the network's probabilities differ from the evaluated ones.
    """
    places = np.concatenate([explain, shared])
    batch = np.stack([pictures[int(place)] for place in places])
    truth = predictions.labels[shared]
    wanted = np.concatenate([predictions.predicted[explain], truth])
    inputs = {
        "model": candidate.sha256,
        "pictures": sha256_of_array(batch),
        "classes": sha256_of_array(wanted),
    }
    seen = remembered("networks", inputs, lambda: _look(candidate, batch, wanted))
    _check_gap(candidate, float(np.abs(seen["p"] - predictions.probabilities[places]).max()))
    latency = Latency(*map(float, seen["milliseconds"]))
    if "maps" not in seen:
        return Inspection(latency)
    of_explain, of_shared = np.split(seen["maps"], [len(explain)])
    return Inspection(
        latency,
        {int(place): found for place, found in zip(explain, of_explain, strict=True)},
        {
            name: of_shared[truth == label].mean(axis=0)
            for label, name in enumerate(predictions.classes)
            if (truth == label).any()
        },
    )


def _look(
    candidate: Candidate, batch: NDArray[np.uint8], wanted: NDArray[np.int64]
) -> dict[str, NDArray[np.generic]]:
    from bakeoff.test_side.gradcam import Network
    from bakeoff.test_side.networks import load_network

    logger.info("inspecting %s", candidate.name)
    network: Network = load_network(candidate.folder, batch.shape[1:])
    seen = network.look(batch, wanted)
    latency = clock_latency(network.probabilities, batch[:_CLOCKED])
    arrays = {"p": seen.probabilities, "milliseconds": np.array([latency.one, latency.batch])}
    return arrays if seen.maps is None else arrays | {"maps": seen.maps}


def inspect_forest(candidate: Candidate, pictures: NDArray[np.uint8]) -> Inspection:
    """Measure a forest's latency, and map its importances if it uses pixels.

    A forest on a network's features is not measured: the network takes nearly all of the time.

    Args:
        candidate: A forest.
        pictures: uint8 `(n, height, width, channels)`; a few of them are timed.
    """
    batch = pictures[:_CLOCKED]
    inputs = {"model": candidate.sha256, "pictures": sha256_of_array(batch)}
    seen = remembered("forests", inputs, lambda: _look_at_forest(candidate, batch))
    return Inspection(
        Latency(*map(float, seen["milliseconds"])), importances=seen.get("importances")
    )


def _look_at_forest(candidate: Candidate, batch: NDArray[np.uint8]) -> Arrays:
    from bakeoff.baselines.classifier import load_classifier
    from bakeoff.baselines.descriptors import describe
    from bakeoff.baselines.forest import pixel_importances

    forest, names = load_classifier(candidate.folder), candidate.descriptors
    side = candidate.metadata["params"]["pixels_side"]
    latency = Latency()
    if not any(name.startswith("features:") for name in names):
        latency = clock_latency(lambda p: forest.probabilities(describe(p, names, side)), batch)
    found = pixel_importances(forest, names, side, candidate.metadata["channels"])
    arrays = {"milliseconds": np.array([latency.one, latency.batch])}
    return arrays if found is None else arrays | {"importances": found}


def _check_gap(candidate: Candidate, gap: float) -> None:
    """Compare `model.keras` with the evaluated probabilities, those of the head on features."""
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
