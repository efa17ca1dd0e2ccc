"""The first layers of an exported network: from pictures as they are to what the records hold."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bakeoff.runtime.tf import keras

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow has it
_LOBES = 3.0
_NAME = "as_records"

ops = keras.ops


def as_records(pictures: keras.KerasTensor, facts: Mapping[str, Any]) -> keras.KerasTensor:
    """Symbolic pictures of any size as `bakeoff.pictures.squares.to_record_picture` makes them.

    Grey where `sort.mode` says so, then brought to the record's square by the antialiased Lanczos
    filter, columns before rows, each rounded to whole numbers, as Pillow does it. A picture of a
    record passes unchanged. Of others single pixels differ by one level, since Pillow's weights are
    fixed-point numbers. Equalisation and JPEG are left to `bakeoff.serve`. `pictures` are `(n,
    height, width, channels)`, float32, 0..255. Returns whole numbers 0..255, `(n, record_side,
    record_side, channels)`.
    """
    channels, side, fit = facts["channels"], facts["record_side"], facts["fit"]
    given = keras.Input((None, None, channels), name="original", dtype="float32")
    x = _whole(_grey_layer()(given)) if facts["mode"] == "L" and channels == 3 else given
    x = 255.0 - x if fit == "pad_white" else x  # what comes in from outside is zero
    # A symbolic shape does not know how many pixels there are; a line of ones does.
    height, width = ops.ones_like(x[0, :, 0, 0]), ops.ones_like(x[0, 0, :, 0])
    x = ops.transpose(x, (0, 3, 1, 2))
    x = _whole(ops.matmul(x, ops.transpose(_weights(width, height, side, fit))))
    x = _whole(ops.matmul(_weights(height, width, side, fit), x))
    x = ops.transpose(x, (0, 2, 3, 1))
    x = 255.0 - x if fit == "pad_white" else x
    front = keras.Model(given, x, name=_NAME)
    for number, operation in enumerate(front.operations):
        # Automatic names count up within a process; the files written must not depend on that.
        operation.name = f"step_{number:02d}"
    return front(pictures)


def record_input(model: keras.Model) -> keras.KerasTensor:
    """Where pictures of records enter an exported network, past the layers that make them."""
    if _NAME in [layer.name for layer in model.layers]:
        # A nested model's `output` belongs to its inner graph; the next layer's input to this one.
        return model.get_layer("resizing").input
    return model.input


def _grey_layer() -> keras.layers.Layer:
    """A fixed 1 x 1 convolution: the luma, three times."""
    layer = keras.layers.Conv2D(
        3, 1, use_bias=False, name="mode_grey", dtype="float32", trainable=False
    )
    layer.build((None, None, None, 3))
    layer.set_weights([np.repeat(np.array(_LUMA).reshape(1, 1, 3, 1), 3, axis=3)])
    return layer


def _placement(
    length: keras.KerasTensor, other: keras.KerasTensor, side: int, fit: str
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Scale and shift along one axis, as `to_square` and Pillow's `fit` place a picture."""
    if fit == "stretch":
        return side / length, length * 0.0
    if fit == "crop":
        kept = ops.minimum(length, other)
        scale = side / kept
        return scale, (kept - length) * 0.5 * scale
    inside = ops.maximum(1.0, ops.round(length / ops.maximum(length, other) * side))
    return inside / length, ops.round((side - inside) * 0.5)


def _weights(
    line: keras.KerasTensor, other: keras.KerasTensor, side: int, fit: str
) -> keras.KerasTensor:
    """What each pixel along an axis gives to each of `side` pixels, by Lanczos's filter.

    `(side, length)`; zeros in the rows of pixels outside of a padded picture.
    """
    length = ops.sum(line)
    scale, shift = _placement(length, ops.sum(other), side, fit)
    places = ops.arange(side, dtype="float32") + 0.5 - shift
    wide = ops.maximum(1.0 / scale, 1.0)  # of the filter, in pixels; it stays where a picture grows
    pixels = ops.expand_dims(ops.cumsum(line) - 0.5, 0)
    distance = (ops.expand_dims(places / scale, 1) - pixels) / wide
    near = ops.cast(ops.abs(distance) < _LOBES, "float32")
    weights = _sinc(distance) * _sinc(distance / _LOBES) * near
    inside = ops.logical_and(places >= 0.0, places <= scale * length)
    total = ops.sum(weights, axis=1)
    factor = ops.where(inside, 1.0 / ops.where(inside, total, 1.0), 0.0)
    return weights * ops.expand_dims(factor, 1)


def _sinc(x: keras.KerasTensor) -> keras.KerasTensor:
    angle = x * np.pi
    near = ops.abs(x) < 1e-6
    return ops.where(near, 1.0, ops.sin(angle) / ops.where(near, 1.0, angle))


def _whole(pixels: keras.KerasTensor) -> keras.KerasTensor:
    """Rounded to whole numbers 0..255, halves up."""
    return ops.clip(ops.floor(pixels + 0.5), 0.0, 255.0)
