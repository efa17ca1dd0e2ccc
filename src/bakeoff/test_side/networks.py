"""Predictions of exported networks on the test side."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bakeoff.runtime.tf import keras
from bakeoff.test_side.gradcam import Network
from bakeoff.tfrecord.numpy_reading import record_batches
from bakeoff.train.heads import load_head
from bakeoff.train.keras_files import load_keras

_HEAD_ROWS = 4096


def load_network(folder: Path, shape: tuple[int, ...]) -> Network:
    """The network of a model folder, for records of `shape` (height, width, channels)."""
    height, width, channels = shape
    return Network(load_keras(folder / "model.keras"), (height, width, channels))


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
        network = network or load_network(folder, batch.images.shape[1:])
        originals = batch.images[batch.transforms == "original"]
        if len(originals):
            parts.append(network.probabilities(originals))
    return np.concatenate(parts)
