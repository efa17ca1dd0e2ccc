"""Grad-CAM (Selvaraju et al. 2017) on the backbone's last feature map.

An exported network is cut at the output of its backbone. One forward pass gives the feature map.
The class score is a function of that map, so the gradient does not pass through the backbone, and a
picture costs little more than a prediction.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bakeoff.runtime.tf import keras, tf
from bakeoff.train.original_pictures import record_input

# Layer names that all exported networks share.
BACKBONE = "backbone"
AFTER_BACKBONE = "pooling"
AFTER_HEAD = "temperature"

T = TypeVar("T", bound=np.generic)

# Pictures in one forward pass; more would not be faster on a CPU and takes more memory.
_BATCH = 16


@dataclass(frozen=True)
class Seen:
    """A network's probabilities and maps of some pictures."""

    probabilities: NDArray[np.float64]  # (n, k), calibrated
    maps: NDArray[np.float32] | None  # (n, h, w) in 0..1; None without a feature map


class Network:
    """An exported network, traced once for pictures of one size."""

    def __init__(self, model: keras.Model, shape: tuple[int, int, int]) -> None:
        """Trace `model` for pictures of records, of `shape` (height, width, channels)."""
        feature_map = _feature_map(model)
        outputs = [model.output] if feature_map is None else [model.output, feature_map]
        both = keras.Model(record_input(model), outputs)
        signature = tf.TensorSpec((None, *shape), tf.float32)
        self._forward = tf.function(lambda x: both(x, training=False), input_signature=[signature])
        self._score = None if feature_map is None else keras.Model(feature_map, _logits(model))

    def probabilities(self, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probabilities `(n, k)` of pictures, uint8 `(n, height, width, channels)`."""
        parts = [self._run(batch)[0].numpy() for batch in _batches(pictures)]
        return np.concatenate(parts).astype(np.float64)

    def explain(self, pictures: NDArray[np.uint8], classes: NDArray[np.int64]) -> Seen:
        """Predict pictures and compute one class's Grad-CAM map for each.

        Pictures are uint8, `(n, height, width, channels)`; classes have shape `(n,)`.
        """
        probabilities, maps = [], []
        for batch, wanted in zip(_batches(pictures), _batches(classes), strict=True):
            outputs = self._run(batch)
            probabilities.append(outputs[0].numpy())
            if self._score is not None:
                maps.append(_class_map(self._score, outputs[1], wanted))
        return Seen(
            np.concatenate(probabilities).astype(np.float64),
            np.concatenate(maps) if maps else None,
        )

    def _run(self, pictures: NDArray[np.uint8]) -> list[tf.Tensor]:
        outputs = self._forward(tf.cast(pictures, tf.float32))
        return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _batches(values: NDArray[T]) -> list[NDArray[T]]:
    return [values[start : start + _BATCH] for start in range(0, len(values), _BATCH)]


def _feature_map(model: keras.Model) -> keras.KerasTensor | None:
    """The backbone's output if it is a map `(n, h, w, c)`, otherwise None."""
    if BACKBONE not in [layer.name for layer in model.layers]:
        return None
    # A nested model's `output` belongs to its inner graph; the next layer's input to the outer one.
    output = model.get_layer(AFTER_BACKBONE).input
    return output if len(output.shape) == 4 else None


def _logits(model: keras.Model) -> keras.KerasTensor:
    """The head's class scores before temperature and softmax."""
    return model.get_layer(AFTER_HEAD).input


def _class_map(
    score: keras.Model, feature_map: tf.Tensor, classes: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Grad-CAM of each picture's class, scaled to 0..1, at the feature map's size."""
    features = tf.cast(feature_map, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(features)
        scores = tf.gather(score(features, training=False), classes, batch_dims=1)
    gradient = tape.gradient(scores, features)
    weights = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
    cam = tf.nn.relu(tf.reduce_sum(weights * features, axis=-1))
    peak = tf.reduce_max(cam, axis=(1, 2), keepdims=True)
    scaled: NDArray[np.float32] = tf.math.divide_no_nan(cam, peak).numpy()
    return scaled
