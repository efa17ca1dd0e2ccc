"""RandAugment: a few operations drawn from a fixed list, each with a drawn strength.

Cubuk et al., "RandAugment", 2020; the strength is drawn uniformly, as in Müller & Hutter,
"TrivialAugment", 2021, which needs no tuning.
"""

from collections.abc import Callable
from typing import Any

from bakeoff.pictures.warping import Warp, warp
from bakeoff.runtime.tf import tf

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_DEGREES = 30.0  # of rotation
_SHEAR = 17.0  # degrees; a slope of 0.3
_SHIFT = 0.3  # share of the side


def _autocontrast(picture: Any, _: Any) -> Any:
    low = tf.reduce_min(picture, axis=(0, 1), keepdims=True)
    high = tf.reduce_max(picture, axis=(0, 1), keepdims=True)
    stretched = (picture - low) * 255 / tf.maximum(high - low, 1e-3)
    return tf.where(high > low, stretched, picture)


def _equalize(picture: Any, _: Any) -> Any:
    """Equalise the histogram of each channel in integers, as Pillow's `ImageOps.equalize`."""
    channels = []
    for channel in tf.unstack(picture, axis=-1):
        levels = tf.cast(channel, tf.int32)
        counts = tf.math.bincount(levels, minlength=256, maxlength=256, dtype=tf.int32)
        brightest = counts[tf.reduce_max(levels)]
        step = (tf.reduce_sum(counts) - brightest) // 255
        table = (step // 2 + tf.cumsum(counts, exclusive=True)) // tf.maximum(step, 1)
        flat = tf.cast(tf.gather(tf.minimum(table, 255), levels), tf.float32)
        channels.append(tf.where(step > 0, flat, channel))
    return tf.stack(channels, axis=-1)


def _solarize(picture: Any, amount: Any) -> Any:
    """Invert pixels above a threshold, which falls as the amount grows."""
    return tf.where(picture > 255 * (1 - tf.abs(amount)), 255 - picture, picture)


def _posterize(picture: Any, amount: Any) -> Any:
    """Keep 8 bits of each pixel, or down to 4."""
    step = 2 ** tf.round(4 * tf.abs(amount))
    return tf.floor(picture / step) * step


def _colour(picture: Any, amount: Any) -> Any:
    if picture.shape[-1] != 3:
        return picture
    grey = tf.tensordot(picture, tf.constant(_LUMA), 1)[..., None]
    return _blend(grey, picture, amount)


def _contrast(picture: Any, amount: Any) -> Any:
    return _blend(tf.reduce_mean(picture), picture, amount)


def _brightness(picture: Any, amount: Any) -> Any:
    return _blend(tf.zeros_like(picture), picture, amount)


def _sharpness(picture: Any, amount: Any) -> Any:
    smooth = tf.nn.avg_pool2d(picture[None], 3, 1, "SAME")[0]
    return _blend(smooth, picture, amount)


def _blend(dull: Any, picture: Any, amount: Any) -> Any:
    """Blend with weight 0.1 (almost the degenerate picture) to 1.9; 1 is the picture itself."""
    return dull + (picture - dull) * (1 + 0.9 * amount)


Operation = Callable[[Any, Any], Any]

OPERATIONS: dict[str, Operation] = {
    "identity": lambda picture, amount: picture,
    "autocontrast": _autocontrast,
    "equalize": _equalize,
    "solarize": _solarize,
    "posterize": _posterize,
    "colour": _colour,
    "contrast": _contrast,
    "brightness": _brightness,
    "sharpness": _sharpness,
    "rotate": lambda picture, amount: warp(picture, Warp(rotation=_DEGREES * amount)),
    "shear_x": lambda picture, amount: warp(picture, Warp(shear_x=_SHEAR * amount)),
    "shear_y": lambda picture, amount: warp(picture, Warp(shear_y=_SHEAR * amount)),
    "shift_x": lambda picture, amount: warp(picture, Warp(shift_x=_SHIFT * amount)),
    "shift_y": lambda picture, amount: warp(picture, Warp(shift_y=_SHIFT * amount)),
}
"""Each maps a picture `(h, w, c)`, float32 0..255, and an amount in -1..1 to a picture."""


def rand_augment(picture: Any, seed: Any, operations: int, strength: float = 1.0) -> Any:
    """Apply `operations` operations, drawn with replacement, in sequence.

    `picture` is `(h, w, c)`, float32, 0..255; `strength`, 0..1, is the largest amount drawn.
    """
    shape = picture.shape
    for round_seed in tf.unstack(tf.random.split(seed, operations, alg="philox")):
        which, how_much = tf.unstack(tf.random.split(round_seed, 2, alg="philox"))
        index = tf.random.stateless_uniform([], which, 0, len(OPERATIONS), tf.int32)
        amount = tf.random.stateless_uniform([], how_much, -strength, strength)
        picture = _apply(picture, index, amount)
        picture = tf.ensure_shape(tf.clip_by_value(picture, 0.0, 255.0), shape)
    return picture


def _apply(picture: Any, index: Any, amount: Any) -> Any:
    branches = [lambda do=do: do(picture, amount) for do in OPERATIONS.values()]
    return tf.switch_case(index, branches)
