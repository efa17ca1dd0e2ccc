"""Rotate, shift, zoom, shear and mirror a picture in one resampling."""

import math
from dataclasses import dataclass
from typing import Any

from bakeoff.runtime.tf import tf


@dataclass(frozen=True)
class Warp:
    """A change of a picture about its centre; numbers or scalar tensors."""

    rotation: Any = 0.0  # degrees, counter-clockwise
    shear_x: Any = 0.0  # degrees
    shear_y: Any = 0.0  # degrees
    zoom: Any = 1.0  # above 1 enlarges
    shift_x: Any = 0.0  # share of the width, to the right
    shift_y: Any = 0.0  # share of the height, down
    mirror_x: Any = 1.0  # -1: left and right change places
    mirror_y: Any = 1.0  # -1: top and bottom change places


def warp(picture: Any, how: Warp) -> Any:
    """Resample a picture bilinearly; outside the frame the picture is reflected.

    It is mirrored first, then sheared, zoomed, rotated and shifted; `(h, w, c)`, float32.
    """
    height, width = (tf.cast(n, tf.float32) for n in tf.unstack(tf.shape(picture)[:2]))
    degree = math.pi / 180
    angle = tf.cast(how.rotation, tf.float32) * degree
    shear_x = tf.tan(tf.cast(how.shear_x, tf.float32) * degree)
    shear_y = tf.tan(tf.cast(how.shear_y, tf.float32) * degree)
    # The op maps output pixels to input pixels, so every step is inverted, the last one first.
    cos, sin = tf.cos(angle) / how.zoom, tf.sin(angle) / how.zoom
    unturned = [[cos, -sin], [sin, cos]]
    straight = 1 - shear_x * shear_y
    unsheared = [[1 / straight, -shear_x / straight], [-shear_y / straight, 1 / straight]]
    linear = tf.convert_to_tensor(unsheared) @ tf.convert_to_tensor(unturned)
    linear *= tf.convert_to_tensor([[how.mirror_x * 1.0], [how.mirror_y * 1.0]])
    centre = tf.stack([(width - 1) / 2, (height - 1) / 2])
    shift = tf.stack([how.shift_x * width, how.shift_y * height])
    offset = centre - tf.linalg.matvec(linear, centre + shift)
    rows = tf.concat([linear, offset[:, None]], axis=1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=picture[None],
        transforms=tf.concat([tf.reshape(rows, [1, 6]), tf.zeros([1, 2])], axis=1),
        output_shape=tf.shape(picture)[:2],
        interpolation="BILINEAR",
        fill_mode="REFLECT",
        fill_value=0.0,
    )[0]
