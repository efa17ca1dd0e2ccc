"""Inspect models on a few pictures: latency, Grad-CAM maps, importances; results are cached."""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from bakeoff.runtime.errors import BakeoffError
from bakeoff.scoring.predictions import Predictions
from bakeoff.test_side.cache import Arrays, cached, sha256_of_array
from bakeoff.test_side.candidates import Candidate
from bakeoff.test_side.galleries import Places

logger = logging.getLogger(__name__)

_CLOCKED = 8  # pictures in the timed batch
_ENOUGH = 1.0  # seconds after which a measurement is not repeated

# Rounding differs between batch sizes and devices. Above the first limit a warning appears; above
# the second the file cannot hold the evaluated head.
_NOTABLE_GAP = 1e-4
_LARGEST_GAP = {"float32": 0.01, "mixed_bfloat16": 0.1, "mixed_float16": 0.1}


@dataclass(frozen=True)
class Latency:
    """Milliseconds per picture, from pixels to probabilities."""

    one: float = math.nan  # one picture at a time
    batch: float = math.nan  # in batches


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

    `pictures` are by index on the test side. The predicted class is explained at the indices
    `explain`; the mean maps of true classes are over `shared`, the same for all models.
    BakeoffError where the network's probabilities differ from `predictions`, the evaluated ones.
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
    seen = cached("networks", inputs, lambda: _inspected(candidate, batch, wanted, len(explain)))
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


def _inspected(
    candidate: Candidate, batch: NDArray[np.uint8], wanted: NDArray[np.int64], own: int
) -> dict[str, NDArray[np.generic]]:
    """Probabilities, maps and milliseconds; the first `own` pictures are this model's own."""
    from bakeoff.test_side.gradcam import Network
    from bakeoff.test_side.probabilities import load_network

    logger.info("inspecting %s", candidate.name)
    network: Network = load_network(candidate.folder, batch.shape[1:])

    shared = batch[own:]

    def outputs() -> Arrays:
        return {"outputs": network.outputs(shared)}

    def milliseconds() -> Arrays:
        clocked = batch[:_CLOCKED]
        network.probabilities(clocked)  # the first call traces the graph
        latency = clock_latency(network.probabilities, clocked)
        return {"milliseconds": np.array([latency.one, latency.batch])}

    if candidate.kind == "head":  # its backbone is that of other heads, its layers' sizes as well
        inputs = {"backbone": network.body_sha256, "pictures": sha256_of_array(shared)}
        computed = cached("backbones", inputs, outputs)["outputs"]
        clocked = cached("latencies", {"network": network.architecture_sha256}, milliseconds)
    else:
        computed, clocked = outputs()["outputs"], milliseconds()
    if own:
        computed = np.concatenate([network.outputs(batch[:own]), computed])
    seen = network.explain_outputs(computed, wanted)
    arrays = {"p": seen.probabilities, "milliseconds": clocked["milliseconds"]}
    return arrays if seen.maps is None else arrays | {"maps": seen.maps}


def inspect_forest(candidate: Candidate, pictures: NDArray[np.uint8]) -> Inspection:
    """Measure a forest's latency on a few pictures, and map its importances if it uses pixels.

    Pictures are uint8 `(n, height, width, channels)`. A forest on a network's features is not
    measured: the network takes nearly all of the time.
    """
    batch = pictures[:_CLOCKED]
    inputs = {"model": candidate.sha256, "pictures": sha256_of_array(batch)}
    seen = cached("forests", inputs, lambda: _inspected_forest(candidate, batch))
    return Inspection(
        Latency(*map(float, seen["milliseconds"])), importances=seen.get("importances")
    )


def _inspected_forest(candidate: Candidate, batch: NDArray[np.uint8]) -> Arrays:
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


def clock_latency(
    predict: Callable[[NDArray[np.uint8]], object], batch: NDArray[np.uint8]
) -> Latency:
    """Measure `predict` on single pictures and on the whole batch, uint8 `(n, height, width, c)`.

    The two take turns, so that a load on the machine falls on both. The fastest of up to three
    calls counts, because disturbances only make a call slower. `predict` must have been called
    before, so that compilation and loading are not measured.
    """
    fastest, spent = {1: math.inf, len(batch): math.inf}, 0.0
    for _ in range(3):
        for pictures in sorted({1, len(batch)}):
            started = perf_counter()
            predict(batch[:pictures])
            seconds = perf_counter() - started
            fastest[pictures], spent = min(fastest[pictures], seconds), spent + seconds
        if spent > _ENOUGH:
            break
    return Latency(fastest[1] * 1000, fastest[len(batch)] / len(batch) * 1000)
