"""Building a backbone with its own preprocessing, out of built-in Keras layers only.

A picture is a float tensor of pixels 0..255, RGB or grey. What a backbone wants instead (scaled
to -1..1, standardised, BGR without the mean) is part of every network built here, so that nobody
downstream can feed it wrongly.
"""

import warnings
from pathlib import Path

import numpy as np

from bakeoff.features.efficientnet_lite import build_efficientnet_lite, load_pytorch_weights
from bakeoff.params.applications import LITE, SCRATCH, check_side, find_application
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
        weights: A file made by `save_weights` of the same class, or the one that its publisher
            offers; None for random weights, which follow `keras.utils.set_random_seed`.
        precision: The Keras dtype policy of its layers.

    Returns:
        A model named `backbone`: preprocessed pictures `(n, side, side, 3)` to a map of features.

    Raises:
        BakeoffError: no such class, `side` too small, or `weights` do not fit.
    """
    if side is not None:
        check_side(name, side)
    application = find_application(name)
    # Automatic layer names count up within a process; the files written must not depend on that.
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
    # Some classes look their architecture up by the name given, so it comes afterwards.
    network.name = "backbone"
    if weights is not None:
        load_backbone_weights(network, name, weights)
    return network


def load_backbone_weights(network: keras.Model, name: str, weights: Path) -> None:
    """Load `weights` into a backbone of class `name`.

    Raises:
        BakeoffError: the file holds other layers, or lacks some, or is no weights file.
    """
    if find_application(name).family == LITE and weights.suffix == ".pth":
        load_pytorch_weights(network, name, weights)
        return
    # Keras passes over what a file lacks with no more than a warning; what is still not a number
    # afterwards was not loaded.
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
    """Make an EfficientNet (the first version) expect what its ImageNet weights were trained on.

    Keras adds a layer dividing by the square root of ImageNet's deviations when it loads these
    weights itself, to mend a variance that the file holds as a deviation. Squaring that variance
    gives the same numbers without another layer.
    """
    if find_application(name).family != "efficientnet":
        return
    layer = next(la for la in network.layers if isinstance(la, keras.layers.Normalization))
    variance = keras.ops.convert_to_numpy(layer.adapt_variance)
    layer.adapt_variance.assign(variance * _TORCH_DEVIATION)
    layer.finalize_state()


def preprocessing_layers(name: str) -> list[keras.layers.Layer]:
    """Layers from RGB pixels 0..255 to what the backbone `name` was trained on.

    They compute in float32 whatever the precision, for bfloat16 has three digits. Each equals
    `preprocess_input` of the class's Keras module; an EfficientNet-Lite takes (pixel - 127) / 128.
    """
    if name in SCRATCH:
        return [_scale_to_unit()]
    match find_application(name).preprocessing:
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
    """A fixed 1 x 1 convolution: swaps red and blue, takes ImageNet's mean away."""
    layer = keras.layers.Conv2D(3, 1, name="preprocessing", dtype="float32", trainable=False)
    layer.build((None, None, None, 3))
    layer.set_weights([np.eye(3)[::-1].reshape(1, 1, 3, 3), -_CAFFE_MEAN_BGR])
    return layer


def pooling_layer(pooling: str) -> keras.layers.Layer:
    """From a map of features to a vector, in float32: `avg`, `max` or `flatten`."""
    kinds = {
        "avg": keras.layers.GlobalAveragePooling2D,
        "max": keras.layers.GlobalMaxPooling2D,
        "flatten": keras.layers.Flatten,
    }
    return kinds[pooling](name="pooling", dtype="float32")


def encode(
    pictures: keras.KerasTensor, name: str, backbone: keras.Model | None, pooling: str
) -> keras.KerasTensor:
    """Symbolic features `(n, d)`, float32, of symbolic pictures `(n, side, side, 1 | 3)`.

    Args:
        pictures: Pixels 0..255, already at the side that the backbone wants.
        name: The backbone's name, which says how pixels are preprocessed.
        backbone: The backbone; None for `mlp`, whose features are the pixels.
        pooling: `avg`, `max` or `flatten`; without a backbone always `flatten`.
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


def resized(pictures: keras.KerasTensor, side: int, fit: str = "stretch") -> keras.KerasTensor:
    """Symbolic pictures brought to `side` x `side` pixels, bilinear, in float32.

    `fit` is `tfrecord.fit`, of pictures that are not square; square ones are resized alike.
    """
    layer = keras.layers.Resizing(
        side,
        side,
        crop_to_aspect_ratio=fit == "crop",
        pad_to_aspect_ratio=fit in ("pad_black", "pad_white"),
        fill_value=255.0 if fit == "pad_white" else 0.0,
        name="resizing",
        dtype="float32",
    )
    # Its `training` is True unless said otherwise, and nested models after it would take that over:
    # `model(pictures)` would drop out, and normalise by the batch.
    return layer(pictures, training=False)


def build_encoder(
    name: str, backbone: keras.Model | None, *, side: int, channels: int, pooling: str
) -> keras.Model:
    """A model from pictures of any side to their features `(n, d)`, float32."""
    pictures = picture_input(channels)
    features = encode(resized(pictures, side), name, backbone, pooling)
    return keras.Model(pictures, features, name="encoder")
