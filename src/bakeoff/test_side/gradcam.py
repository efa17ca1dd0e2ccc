"""Grad-CAM (Selvaraju et al. 2017) on the backbone's last feature map.

An exported network is cut at the output of its backbone. One forward pass gives the feature map.
The class score is a function of that map, so the gradient does not pass through the backbone, and a
picture costs little more than a prediction. Heads on one frozen backbone share its output.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

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
    """An exported network for pictures of one size, cut at its backbone's output."""

    def __init__(self, model: keras.Model, shape: tuple[int, int, int]) -> None:
        """Cut `model`, for pictures of records, of `shape` (height, width, channels)."""
        self._model = model
        cut = _cut(model)
        output = model.output if cut is None else cut
        self._body = keras.Model(record_input(model), output, name="body")
        self._head = None if cut is None else keras.Model(cut, [model.output, _logits(model)])
        self._shape = shape

    @cached_property
    def _forward(self) -> Any:
        """The traced backbone."""
        signature = tf.TensorSpec((None, *self._shape), tf.float32)
        body = self._body
        return tf.function(lambda x: body(x, training=False), input_signature=[signature])

    @cached_property
    def _classify(self) -> Any:
        """The traced head: probabilities and class scores of the backbone's output."""
        head = self._head
        if head is None:
            return lambda outputs: (outputs, None)
        signature = tf.TensorSpec(head.inputs[0].shape, head.inputs[0].dtype)
        return tf.function(lambda x: head(x, training=False), input_signature=[signature])

    @property
    def body_sha256(self) -> str:
        """Hash of the layers and weights up to the backbone's output."""
        digest = hashlib.sha256(self._layers().encode())
        for weights in self._body.get_weights():
            digest.update(np.ascontiguousarray(weights).data)
        return digest.hexdigest()

    @property
    def architecture_sha256(self) -> str:
        """Hash of what decides how long a picture takes: the layers and the sizes of weights."""
        sizes = [list(weights.shape) for weights in self._model.weights]
        text = json.dumps([self._shape, self._layers(), sizes])
        return hashlib.sha256(text.encode()).hexdigest()

    def _layers(self) -> str:
        """The layers up to the backbone's output, as JSON.

        Without the inputs, whose names count up in a process.
        """
        layers = [x for x in self._body.layers if not isinstance(x, keras.layers.InputLayer)]
        return json.dumps([keras.saving.serialize_keras_object(layer) for layer in layers])

    def probabilities(self, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probabilities `(n, k)` of pictures, uint8 `(n, height, width, channels)`."""
        parts = [self._classify(self._run(batch))[0].numpy() for batch in _batches(pictures)]
        return np.concatenate(parts).astype(np.float64)

    def outputs(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The backbone's outputs `(n, ...)` of pictures, uint8 `(n, height, width, channels)`."""
        parts = [tf.cast(self._run(batch), tf.float32).numpy() for batch in _batches(pictures)]
        return np.concatenate(parts)

    def explain(self, pictures: NDArray[np.uint8], classes: NDArray[np.int64]) -> Seen:
        """Predict pictures and compute one class's Grad-CAM map for each.

        Pictures are uint8, `(n, height, width, channels)`; classes have shape `(n,)`.
        """
        return self.explain_outputs(self.outputs(pictures), classes)

    def explain_outputs(self, outputs: NDArray[np.float32], classes: NDArray[np.int64]) -> Seen:
        """The same from the backbone's outputs `(n, ...)`."""
        probabilities, maps = [], []
        for batch, wanted in zip(_batches(outputs), _batches(classes), strict=True):
            cut = tf.cast(batch, self._body.outputs[0].dtype)
            probabilities.append(self._classify(cut)[0].numpy())
            if self._head is not None and batch.ndim == 4:
                maps.append(_class_map(self._head, cut, wanted))
        return Seen(
            np.concatenate(probabilities).astype(np.float64),
            np.concatenate(maps) if maps else None,
        )

    def _run(self, pictures: NDArray[np.uint8]) -> tf.Tensor:
        return self._forward(tf.cast(pictures, tf.float32))


def _batches(values: NDArray[T]) -> list[NDArray[T]]:
    return [values[start : start + _BATCH] for start in range(0, len(values), _BATCH)]


def _cut(model: keras.Model) -> keras.KerasTensor | None:
    """The backbone's output, `(n, h, w, c)` where it is a map; None without backbone."""
    if BACKBONE not in [layer.name for layer in model.layers]:
        return None
    # A nested model's `output` belongs to its inner graph; the next layer's input to the outer one.
    return model.get_layer(AFTER_BACKBONE).input


def _logits(model: keras.Model) -> keras.KerasTensor:
    """The head's class scores before temperature and softmax."""
    return model.get_layer(AFTER_HEAD).input


def _class_map(
    head: keras.Model, feature_map: tf.Tensor, classes: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Grad-CAM of each picture's class, scaled to 0..1, at the feature map's size."""
    features = tf.cast(feature_map, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(features)
        _, logits = head(features, training=False)
        scores = tf.gather(logits, classes, batch_dims=1)
    gradient = tape.gradient(scores, features)
    weights = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
    cam = tf.nn.relu(tf.reduce_sum(weights * features, axis=-1))
    peak = tf.reduce_max(cam, axis=(1, 2), keepdims=True)
    scaled: NDArray[np.float32] = tf.math.divide_no_nan(cam, peak).numpy()
    return scaled
