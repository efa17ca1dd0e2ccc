"""Build a backbone with its preprocessing, from built-in Keras layers only.

A picture is a float tensor of pixels 0..255, RGB or grey. The backbone's own preprocessing (scaling
to -1..1, standardising, BGR without the mean) is part of every network built here, so callers
cannot apply the wrong one.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from bakeoff.features.efficientnet_lite import build_efficientnet_lite, load_pytorch_weights
from bakeoff.params.applications import LITE, SCRATCH, check_side, find_application
from bakeoff.params.hub import preset_reference
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tf import keras

# Means and deviations of ImageNet, as in keras.src.applications.imagenet_utils.
_TORCH_MEAN = np.array([0.485, 0.456, 0.406])
_TORCH_DEVIATION = np.array([0.229, 0.224, 0.225])
_CAFFE_MEAN_BGR = np.array([103.939, 116.779, 123.68])


def build_backbone(
    name: str, side: int | None, weights: Path | None = None, *, precision: str = "float32"
) -> keras.Model:
    """Build a pretrained backbone without its classifier.

    Args:
        name: A class of `keras.applications`, or an EfficientNet-Lite.
        side: Picture side in pixels; None for a network that takes any.
        weights: A file made by `save_weights` of the same class, or the publisher's own file; None
            for random weights, which follow `keras.utils.set_random_seed`.
        precision: The Keras dtype policy of its layers.

    Returns:
        A model named `backbone`: preprocessed pictures `(n, side, side, 3)` to a map of features.

    Raises:
        BakeoffError: the class is unknown, `side` is too small, or `weights` do not fit.
    """
    if side is not None:
        check_side(name, side)
    application = find_application(name)
    # Automatic layer names count up within a process; files must not depend on the count.
    keras.backend.clear_session(free_memory=False)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        shape = (side, side, 3)
        if application.family == LITE:
            network = build_efficientnet_lite(name, input_shape=shape, include_top=False)
        else:
            builder = getattr(keras.applications, name)
            network = builder(include_top=False, weights=None, input_shape=shape)
    finally:
        keras.config.set_dtype_policy(before)
    # Some classes look up their architecture by name, so the name is set afterwards.
    network.name = "backbone"
    if weights is not None:
        load_backbone_weights(network, name, weights)
    return network


def load_backbone_weights(network: keras.Model, name: str, weights: Path) -> None:
    """Load `weights` into a backbone of class `name`.

    Raises:
        BakeoffError: the file has other layers, lacks some, or is not a weights file.
    """
    if weights.suffix == ".pth" and find_application(name).family == LITE:
        load_pytorch_weights(network, name, weights)
        return
    # Keras only warns about weights that a file lacks. A weight that is still NaN afterwards was
    # not loaded.
    for weight in network.weights:
        if weight.dtype.startswith("float"):
            weight.assign(np.full(weight.shape, np.nan))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network.load_weights(weights)
    except (ValueError, OSError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:160]
    else:
        missing = [w.path for w in network.weights if _has_nan(w)]
        if not missing:
            return
        reason = f"{len(missing)} of its {len(network.weights)} arrays are missing: {missing[0]}"
    raise BakeoffError(
        f"{weights.name}: these weights do not fit {name} without its top ({reason}); "
        "name a file made by save_weights of that class in params.yaml"
    )


def _has_nan(weight: keras.Variable) -> bool:
    return bool(np.isnan(keras.ops.convert_to_numpy(weight)).any())


def use_imagenet_scaling(network: keras.Model, name: str) -> None:
    """Give an EfficientNet (version 1) the input scaling of its ImageNet weights.

    The file holds a standard deviation where a variance belongs. When Keras loads these weights
    itself, it compensates with a layer that divides by the square root of ImageNet's deviations.
    Squaring the variance gives the same numbers without that layer.
    """
    if find_application(name).family != "efficientnet":
        return
    layer = next(la for la in network.layers if isinstance(la, keras.layers.Normalization))
    variance = keras.ops.convert_to_numpy(layer.adapt_variance)
    layer.adapt_variance.assign(variance * _TORCH_DEVIATION)
    layer.finalize_state()


def preprocessing_layers(name: str) -> list[keras.layers.Layer]:
    """Layers from RGB pixels 0..255 to the input that the backbone `name` was trained on.

    They always compute in float32, because bfloat16 has three digits. Each equals
    `preprocess_input` of the class's Keras module; an EfficientNet-Lite takes (pixel - 127) / 128,
    and a preset's are inside its network.
    """
    if name in SCRATCH:
        return [_scale_to_unit()]
    is_preset = preset_reference(name) is not None
    match "included" if is_preset else find_application(name).preprocessing:
        case "tf":
            return [_scale_to_unit()]
        case "lite":
            return [_scale(128.0, centre=127.0)]
        case "torch":
            mean, deviation = 255 * _TORCH_MEAN, 255 * _TORCH_DEVIATION
            return [
                keras.layers.Normalization(
                    mean=mean.tolist(),
                    variance=(deviation**2).tolist(),
                    name="preprocessing",
                    dtype="float32",
                )
            ]
        case "caffe":
            return [_rgb_to_centred_bgr()]
        case _:
            return []


def _scale_to_unit() -> keras.layers.Layer:
    return _scale(127.5, centre=127.5)


def _scale(divisor: float, *, centre: float) -> keras.layers.Layer:
    return keras.layers.Rescaling(
        1 / divisor, offset=-centre / divisor, name="preprocessing", dtype="float32"
    )


def _rgb_to_centred_bgr() -> keras.layers.Layer:
    """A fixed 1 x 1 convolution that swaps red and blue and subtracts ImageNet's mean."""
    layer = keras.layers.Conv2D(3, 1, name="preprocessing", dtype="float32", trainable=False)
    layer.build((None, None, None, 3))
    layer.set_weights([np.eye(3)[::-1].reshape(1, 1, 3, 3), -_CAFFE_MEAN_BGR])
    return layer


def pooling_layer(pooling: str) -> keras.layers.Layer:
    """From a map of features to a vector, in float32; what a preset summarizes is in its network.

    `avg`, `max` or `flatten`; `patch_mean` from tokens, `cls` from a vector.
    """
    kinds = {
        "avg": keras.layers.GlobalAveragePooling2D,
        "max": keras.layers.GlobalMaxPooling2D,
        "flatten": keras.layers.Flatten,
        "cls": keras.layers.Flatten,
        "patch_mean": keras.layers.GlobalAveragePooling1D,
    }
    return kinds[pooling](name="pooling", dtype="float32")


def encode(
    pictures: keras.KerasTensor, name: str, backbone: keras.Model | None, pooling: str
) -> keras.KerasTensor:
    """Symbolic features `(n, d)`, float32, of symbolic pictures `(n, side, side, 1 | 3)`.

    Pixels are 0..255, at the backbone's side. `mlp` has no backbone: its features are the pixels.
    """
    x = pictures
    if name not in SCRATCH and x.shape[-1] == 1:
        x = keras.layers.Concatenate(name="grey_to_rgb", dtype="float32")([x, x, x])
    for layer in preprocessing_layers(name):
        x = layer(x)
    if backbone is not None:
        x = backbone(x)
    return pooling_layer("flatten" if backbone is None else pooling)(x)


def picture_input(channels: int) -> keras.KerasTensor:
    """Symbolic pictures of any height and width, float32 pixels 0..255."""
    return keras.Input((None, None, channels), name="picture", dtype="float32")


def resized(
    pictures: keras.KerasTensor,
    side: int,
    fit: str = "stretch",
    *,
    interpolation: str = "bilinear",
    antialias: bool = False,
) -> keras.KerasTensor:
    """Symbolic pictures resized to `side` x `side` pixels, in float32.

    `fit` is `tfrecord.fit`; it makes a difference only for pictures that are not square.
    """
    layer = keras.layers.Resizing(
        side,
        side,
        crop_to_aspect_ratio=fit == "crop",
        pad_to_aspect_ratio=fit in ("pad_black", "pad_white"),
        fill_value=255.0 if fit == "pad_white" else 0.0,
        interpolation=interpolation,
        antialias=antialias,
        name="resizing",
        dtype="float32",
    )
    # Its `training` defaults to True and passes on to the nested models after it: `model(pictures)`
    # would apply dropout and normalise by the batch.
    return layer(pictures, training=False)


def build_encoder(
    name: str,
    backbone: keras.Model | None,
    *,
    side: int,
    channels: int,
    pooling: str,
    resizing: Mapping[str, Any] = MappingProxyType({}),
) -> keras.Model:
    """A model from pictures of any side to their features `(n, d)`, float32."""
    pictures = picture_input(channels)
    features = encode(resized(pictures, side, **resizing), name, backbone, pooling)
    return keras.Model(pictures, features, name="encoder")
