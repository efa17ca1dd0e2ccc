"""What every model says of the test side, which no training and no search reads."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bakeoff.features.sides import Side, read_feature_side, read_record_side
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import sha256_of_file
from bakeoff.scoring.predictions import Predictions
from bakeoff.test_side.cache import cached
from bakeoff.test_side.candidates import NETWORKS, Candidate
from bakeoff.tfrecord.index import INDEX
from bakeoff.tfrecord.numpy_reading import record_batches

if TYPE_CHECKING:
    from bakeoff.test_side.gradcam import Network

_FEATURES = "features:"
_HEAD_ROWS = 4096


@dataclass(frozen=True)
class Inputs:
    """Where evaluation reads."""

    records: Path
    features: Path


def read_test_side(inputs: Inputs) -> Side:
    """The test originals, without feature vectors."""
    return read_record_side(inputs.records, "test").originals()


def predict(candidate: Candidate, test: Side, inputs: Inputs) -> Predictions:
    """One model's probabilities of the test originals; BakeoffError for others' features."""
    read = {"model": candidate.sha256, "records": sha256_of_file(inputs.records / INDEX)}
    for name in _features_read(candidate):
        folder = inputs.features / name
        if read_feature_side(folder, "test").originals().sha256 != test.sha256:
            raise BakeoffError(
                f"{folder} and {inputs.records} hold different test pictures; "
                f"run `dvc repro features@{name}`"
            )
        read[f"features {name}"] = sha256_of_file(folder / "test.npy")
    found = cached("predictions", read, lambda: {"p": _probabilities(candidate, inputs)})
    return Predictions(candidate.classes, test.image_ids, test.labels, found["p"])


def _features_read(candidate: Candidate) -> list[str]:
    """The models whose cached features this one predicts from."""
    named = [d.removeprefix(_FEATURES) for d in candidate.descriptors if d.startswith(_FEATURES)]
    return [candidate.features] if candidate.features else named


def _probabilities(candidate: Candidate, inputs: Inputs) -> NDArray[np.float64]:
    """Calibrated probabilities `(n, k)` of the test originals."""
    if candidate.kind in NETWORKS:
        if candidate.kind != "head":
            return network_probabilities(candidate.folder, inputs.records)
        cached = read_feature_side(inputs.features / candidate.name, "test").originals()
        return head_probabilities(candidate.folder, cached.values)

    from bakeoff.baselines.classifier import load_classifier
    from bakeoff.baselines.forest import describe_side

    if candidate.features:
        side = read_feature_side(inputs.features / candidate.features, "test")
    else:
        pixels_side = candidate.metadata["params"]["pixels_side"]
        names = candidate.descriptors
        side = describe_side(names, pixels_side, "test", inputs.records, inputs.features)
    return load_classifier(candidate.folder).probabilities(side.originals().values)


def load_network(folder: Path, shape: tuple[int, ...]) -> "Network":
    """The network of a model folder, for records of `shape` (height, width, channels)."""
    from bakeoff.test_side.gradcam import Network
    from bakeoff.train.keras_files import load_keras

    height, width, channels = shape
    return Network(load_keras(folder / "model.keras"), (height, width, channels))


def head_probabilities(folder: Path, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Calibrated probabilities `(n, k)` of cached features `(n, d)`, by `head.keras`."""
    from bakeoff.runtime.tf import keras
    from bakeoff.train.heads import load_head

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
        network = network or load_network(folder, batch.images.shape[1:])
        originals = batch.images[batch.transforms == "original"]
        if len(originals):
            parts.append(network.probabilities(originals))
    return np.concatenate(parts)
