"""The classifier on pooled features, and the exported models that contain it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bakeoff.params.training import HeadParams
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tf import keras
from bakeoff.train.keras_files import load_keras
from bakeoff.train.whitening import whitening_kernel

# Rows of features reduced at a time when they are standardised.
_ROWS = 4096

# A feature whose deviation is below this share of its mean counts as constant.
_CONSTANT = 1e-6

# Keras's Normalization clips deviations at 1e-7; features of a deep random network can be smaller.
_SMALL = 1e-4

Moments = tuple[NDArray[np.float64], NDArray[np.float64]]


def feature_moments(features: NDArray[np.float32]) -> Moments:
    """Mean and variance of each feature, both `(d,)`, summed in float64 over blocks of rows.

    A constant feature gets variance 1. Standardising it then gives 0, and a value near 0 on
    pictures where it differs slightly.
    """
    count, dim = features.shape
    total, squares = np.zeros(dim), np.zeros(dim)
    for start in range(0, count, _ROWS):
        total += features[start : start + _ROWS].sum(axis=0, dtype=np.float64)
    mean = total / count
    for start in range(0, count, _ROWS):
        squares += ((features[start : start + _ROWS] - mean) ** 2).sum(axis=0)
    variance = squares / count
    constant = np.sqrt(variance) <= _CONSTANT * np.abs(mean)
    return mean, np.where(constant, 1.0, variance)


def build_head(
    dim: int,
    classes: int,
    params: HeadParams,
    moments: Moments | None = None,
    whitening: NDArray[np.float32] | None = None,
) -> keras.Model:
    """Build a head: features `(n, dim)` to logits `(n, classes)`, float32.

    Args:
        dim: Length of a feature vector.
        classes: Number of classes.
        params: Widths, activation, dropout, batch normalisation, penalties.
        moments: Mean and variance of the training features for standardisation; None for a network
            from scratch, which learns its own scale.
        whitening: A kernel `(dim, k)` that the standardised features are multiplied with, fixed.

    Raises:
        BakeoffError: `output` is `sigmoid` and there are not two classes.
    """
    penalty = keras.regularizers.L1L2(params.l1, params.l2) if params.l1 or params.l2 else None
    features = keras.Input((dim,), name="features", dtype="float32")
    x = features
    if moments is not None:
        x = _standardise(x, moments)
    if whitening is not None:
        x = _whitened(x, whitening)
    hidden = zip(params.hidden, _dropouts(params), strict=True)
    for index, (width, dropout) in enumerate(hidden, start=1):
        x = keras.layers.Dense(
            width,
            kernel_regularizer=penalty,
            kernel_constraint=keras.constraints.MaxNorm(params.max_norm)
            if params.max_norm
            else None,
            name=f"dense_{index}",
        )(x)
        if params.batch_norm:
            x = keras.layers.BatchNormalization(name=f"batch_norm_{index}")(x)
        x = keras.layers.Activation(params.activation, name=f"activation_{index}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"dropout_{index}")(x)
    return keras.Model(features, _logits(x, classes, params.output, penalty), name="head")


def _logits(
    x: keras.KerasTensor, classes: int, output: str, penalty: keras.Regularizer | None
) -> keras.KerasTensor:
    """One logit for each class; with `sigmoid` the first is 0.

    The softmax of (0, z) is (1 - sigmoid(z), sigmoid(z)), and its cross-entropy is the binary one.
    """
    if output == "softmax":
        return keras.layers.Dense(classes, kernel_regularizer=penalty, name="logits")(x)
    if classes != 2:
        raise BakeoffError(
            f"params.yaml: head.output is sigmoid, which is for two classes, and there are "
            f"{classes}; set it to softmax"
        )
    logit = keras.layers.Dense(1, kernel_regularizer=penalty, name="logit")(x)
    zero = keras.layers.Rescaling(0.0, name="zero", dtype="float32")(logit)
    return keras.layers.Concatenate(name="logits", dtype="float32")([zero, logit])


def _dropouts(params: HeadParams) -> Sequence[float]:
    if isinstance(params.dropout, float):
        return [params.dropout] * len(params.hidden)
    return params.dropout


def _standardise(x: keras.KerasTensor, moments: Moments) -> keras.KerasTensor:
    mean, deviation = moments[0], np.sqrt(moments[1])
    varying = deviation[moments[1] != 1]
    typical = float(np.median(varying)) if len(varying) else 1.0
    if typical < _SMALL:
        # A power of two, so that features keep all their bits.
        gain = 2.0 ** round(-np.log2(typical))
        x = keras.layers.Rescaling(gain, name="gain", dtype="float32")(x)
        mean, deviation = mean * gain, deviation * gain
    layer = keras.layers.Normalization(name="standardise", dtype="float32")
    y = layer(x)
    layer.adapt_mean.assign(mean)
    layer.adapt_variance.assign(deviation**2)
    layer.finalize_state()
    return y


def _whitened(x: keras.KerasTensor, kernel: NDArray[np.float32]) -> keras.KerasTensor:
    # An initialiser without a seed: the layers after it start as they would without this one.
    layer = keras.layers.Dense(
        kernel.shape[1],
        use_bias=False,
        kernel_initializer="zeros",
        trainable=False,
        name="whiten",
        dtype="float32",
    )
    layer.build(x.shape)
    layer.set_weights([kernel])
    return layer(x)


def feature_scaling(
    features: NDArray[np.float32], params: HeadParams
) -> tuple[Moments, NDArray[np.float32] | None]:
    """What a head does to features before its first layer learns: moments and whitening kernel.

    Features `(n, d)` are of the training side; a number in `whiten` asks for whitening.
    """
    moments = feature_moments(features)
    if not isinstance(params.whiten, int):
        return moments, None
    return moments, whitening_kernel(standardised(features, moments), params.whiten)


def standardised(features: NDArray[np.float32], moments: Moments) -> NDArray[np.float32]:
    """Features `(n, d)` as the head's first layer gives them, float32."""
    mean, variance = moments
    return ((features - mean) / np.sqrt(variance)).astype(np.float32)


def calibrated(logits: keras.KerasTensor, temperature: float) -> keras.KerasTensor:
    """Symbolic probabilities, float32, of symbolic logits divided by `temperature`."""
    scaled = keras.layers.Rescaling(1 / temperature, name="temperature", dtype="float32")(logits)
    return keras.layers.Softmax(name="probabilities", dtype="float32")(scaled)


def calibrated_head(head: keras.Model, temperature: float) -> keras.Model:
    """A model from features `(n, d)` to calibrated probabilities `(n, classes)`, float32."""
    features = keras.Input(head.input_shape[1:], name="features", dtype="float32")
    return keras.Model(features, calibrated(head(features), temperature), name="classifier")


def load_head(path: Path) -> keras.Model:
    """Load a `head.keras`: features `(n, d)`, float32, to calibrated probabilities.

    Raises:
        BakeoffError: the file is missing or is not a Keras model.
    """
    return load_keras(path)
