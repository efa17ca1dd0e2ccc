"""Whole networks, from pictures to logits: small ones from scratch, and a backbone with a head."""

from collections.abc import Callable, Sequence

import numpy as np

from bakeoff.features.backbones import encode
from bakeoff.params.applications import SCRATCH
from bakeoff.params.models import ModelParams
from bakeoff.params.training import ConvBlock
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tf import keras

# Keras's backbones average batch statistics over a thousand steps or more, as suits millions of
# pictures; trained from scratch on hundreds, that average would lag behind the network.
_MOMENTUM = 0.9

_LUMA = (0.299, 0.587, 0.114)


def build_cnn(
    blocks: Sequence[ConvBlock], side: int, channels: int, precision: str = "float32"
) -> keras.Model:
    """A plain convolutional network without its classifier: 3 x 3 convolutions, relu, max pooling.

    The model `backbone` maps preprocessed pictures to features.

    Raises:
        BakeoffError: no block is given, or the pictures shrink to nothing.
    """
    if not blocks:
        raise BakeoffError(
            "params.yaml: backbone cnn needs 'conv'; give a list of blocks of filters"
        )
    pictures = keras.Input((side, side, channels), name="picture")
    x = pictures
    try:
        for number, block in enumerate(blocks, start=1):
            for index, filters in enumerate(block.filters, start=1):
                x = keras.layers.Conv2D(
                    filters,
                    3,
                    padding=block.padding,
                    activation="relu",
                    dtype=precision,
                    name=f"conv_{number}_{index}",
                )(x)
            if block.pool > 1:
                x = keras.layers.MaxPooling2D(block.pool, dtype=precision, name=f"pool_{number}")(x)
    except ValueError:
        x = None
    if x is None or 0 in x.shape[1:]:
        raise BakeoffError(
            f"params.yaml: the blocks of 'conv' shrink pictures of {side} pixels to nothing; use "
            "fewer blocks, or padding: same"
        )
    return keras.Model(pictures, x, name="backbone")


def unfreeze(backbone: keras.Model, share: float) -> int:
    """Let the last `share` of a backbone's layers learn; batch normalisation stays in inference.

    Returns how many layers with weights learn.
    """
    first = len(backbone.layers) - round(share * len(backbone.layers))
    backbone.trainable = True
    for index, layer in enumerate(backbone.layers):
        normalises = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = index >= first and not normalises
    return sum(bool(layer.trainable_variables) for layer in backbone.layers)


def quicken_batch_norm(backbone: keras.Model) -> None:
    """Let batch normalisation follow a network that is trained from scratch on few pictures."""
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = min(layer.momentum, _MOMENTUM)


def network_channels(params: ModelParams, record_channels: int) -> int:
    """What `cnn` and `mlp` see: grey where the entry asks for it. Others see what records hold."""
    return min(params.channels, record_channels) if params.backbone in SCRATCH else record_channels


def to_channels(pictures: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    """Symbolic pictures with as many channels as asked; grey by ITU-R BT.601, as Pillow does it."""
    if pictures.shape[-1] == channels:
        return pictures
    layer = keras.layers.Conv2D(
        1, 1, use_bias=False, name="rgb_to_grey", dtype="float32", trainable=False
    )
    layer.build((None, None, None, 3))
    layer.set_weights([np.array(_LUMA).reshape(1, 1, 3, 1)])
    return layer(pictures)


def picture_network(
    name: str,
    backbone: keras.Model | None,
    make_head: Callable[[int], keras.Model],
    *,
    side: int,
    record_channels: int,
    channels: int,
    pooling: str,
) -> keras.Model:
    """A model from pictures to logits.

    Pictures are `(n, side, side, record_channels)`, pixels 0..255, logits `(n, k)`.
    """
    pictures = keras.Input((side, side, record_channels), name="picture", dtype="float32")
    features = encode(to_channels(pictures, channels), name, backbone, pooling)
    head = make_head(int(features.shape[-1]))
    return keras.Model(pictures, head(features), name="network")
