"""A model folder as one Keras network, from pictures to what a file of another format holds."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bakeoff.baselines.classifier import Classifier, load_classifier
from bakeoff.baselines.logistic import as_dense
from bakeoff.runtime.tf import keras
from bakeoff.serve.metadata import ModelMetadata
from bakeoff.serve.predictor import backbones_of
from bakeoff.train.keras_files import load_keras
from bakeoff.train.original_pictures import record_input

FEATURES = "features:"
PIXELS = "pixels"
_MIXED = re.compile(r'"mixed_b?float16"')
_PILLOW_BITS = 22  # Pillow's weights are whole numbers of 2 ** -22

ops = keras.ops


@dataclass(frozen=True)
class Portable:
    """What a file is made from.

    The network maps pictures `(n, height, width, channels)`, float32 pixels 0..255, to
    probabilities `(n, classes)`, or to the vectors `(n, d)` that `forest` takes.
    """

    network: keras.Model
    any_size: bool  # whether the network makes the record's square of a picture of any size
    forest: Classifier | None = None


def portable(folder: Path, metadata: ModelMetadata) -> Portable:
    """The model of `folder` in float32: its network, with the regression or before the forest.

    What records are equalised by or lose as JPEG is in no network; such a model takes the record's
    squares only.
    """
    if metadata.kind == "forest":
        network = _forest_vectors(folder, metadata)
        return Portable(network, any_size=False, forest=load_classifier(folder))
    if metadata.kind == "logistic":
        (backbone,) = backbones_of(folder).values()
        network = _regression(_features(backbone), load_classifier(folder))
    else:
        network = _loaded(folder)
    any_size = record_input(network) is not network.input
    if any_size and (metadata.equalize != "none" or metadata.encoding != "png"):
        return Portable(keras.Model(record_input(network), network.output), any_size=False)
    return Portable(network, any_size)


def _loaded(folder: Path) -> keras.Model:
    """The network of a folder; layers that compute in 16 bits compute in 32."""
    model = load_keras(folder / "model.keras")
    text = json.dumps(keras.saving.serialize_keras_object(model))
    if not _MIXED.search(text):
        return model
    plain = keras.saving.deserialize_keras_object(json.loads(_MIXED.sub('"float32"', text)))
    plain.set_weights(model.get_weights())
    return plain


def _features(folder: Path) -> keras.Model:
    model = _loaded(folder)
    return keras.Model(model.input, model.get_layer("pooling").output)


def _regression(features: keras.Model, classifier: Classifier) -> keras.Model:
    """The network with a fitted `LogisticRegression`, standardised or not, behind it."""
    dense = _dense(*as_dense(classifier), "regression")
    known = keras.layers.Softmax(dtype="float32")(dense(features.output))
    all_classes = np.eye(classifier.classes)[classifier.estimator.classes_]
    x = _dense(all_classes, np.zeros(classifier.classes), "all_classes")(known)
    x = ops.log(ops.maximum(x, classifier.floor)) / classifier.temperature
    return keras.Model(features.input, keras.layers.Softmax(dtype="float32")(x))


def _dense(kernel: NDArray[np.float64], bias: NDArray[np.float64], name: str) -> keras.layers.Layer:
    layer = keras.layers.Dense(kernel.shape[1], name=name, dtype="float32")
    layer.build((None, kernel.shape[0]))
    layer.set_weights([kernel, bias])
    return layer


def _forest_vectors(folder: Path, metadata: ModelMetadata) -> keras.Model:
    """A network from records' squares to a forest's vectors, in the order of its descriptors."""
    side, channels = metadata.record_side, metadata.channels
    square = keras.Input((side, side, channels), name="picture", dtype="float32")
    # As the predictor has them: our own descriptors first, then networks' features.
    parts = []
    if PIXELS in metadata.params.descriptors:
        parts.append(_averaged(square, side, metadata.params.pixels_side))
    for backbone in backbones_of(folder).values():
        features = _features(backbone)
        parts.append(keras.Model(record_input(features), features.output)(square))
    vector = ops.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
    return keras.Model(square, vector)


def _averaged(square: keras.KerasTensor, side: int, small: int) -> keras.KerasTensor:
    """`bakeoff.baselines.descriptors.pixels`: Pillow's box filter to the last bit.

    float64 holds the products of pixels and Pillow's whole-numbered weights exactly.
    """
    weights = box_weights(side, small)
    x = ops.transpose(ops.cast(square, "float64"), (0, 3, 1, 2))
    x = _rounded(ops.matmul(x, weights.T))  # columns before rows
    x = _rounded(ops.matmul(weights, x))
    x = ops.cast(ops.transpose(x, (0, 2, 3, 1)), "float32")
    return ops.reshape(x, (-1, small * small * square.shape[-1]))


def box_weights(side: int, small: int) -> NDArray[np.float64]:
    """The whole-numbered weights of Pillow's box filter from `side` to `small` pixels.

    Returns:
        Shape `(small, side)`; each row adds up to about 2 ** 22.
    """
    scale = side / small
    wide = max(scale, 1.0)  # of the box, in pixels
    weights = np.zeros((small, side))
    for row in range(small):
        centre = (row + 0.5) * scale
        first = max(0, int(centre - wide / 2 + 0.5))
        last = min(side, int(centre + wide / 2 + 0.5))
        offset = (np.arange(first, last) - centre + 0.5) / wide
        box = ((offset > -0.5) & (offset <= 0.5)).astype(np.float64)
        weights[row, first:last] = np.floor(0.5 + box / box.sum() * 2**_PILLOW_BITS)
    return weights


def _rounded(sums: keras.KerasTensor) -> keras.KerasTensor:
    """Whole pixels of weighted sums, halves up, as Pillow shifts its sums."""
    return ops.floor((sums + 2 ** (_PILLOW_BITS - 1)) / 2**_PILLOW_BITS)
