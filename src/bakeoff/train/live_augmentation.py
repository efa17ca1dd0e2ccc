"""Random changes of training pictures, drawn again each epoch.

Every draw is stateless: it depends only on a seed, not on earlier draws, so that a parallel
pipeline and a resumed training use the same pictures as any other run.
"""

from typing import Any

from bakeoff.params.training import LiveAugmentation
from bakeoff.pictures.warping import Warp, warp
from bakeoff.runtime.tf import tf
from bakeoff.train.rand_augment import rand_augment


def is_active(params: LiveAugmentation) -> bool:
    """Whether any change of single pictures is on."""
    ranges = (
        params.rotation,
        params.translation,
        params.zoom,
        params.shear,
        params.contrast,
        params.brightness,
        params.rand_augment,
    )
    return params.mirror != "none" or any(ranges)


def augment(picture: Any, seed: Any, params: LiveAugmentation, strength: float = 1.0) -> Any:
    """Change one picture at random.

    `picture` is `(h, w, c)`, float32, 0..255. Equal seeds (two integers) give equal changes;
    `strength`, 0..1, scales every range except mirroring.
    """
    seeds = tf.unstack(tf.random.split(seed, 12, alg="philox"))

    def draw(index: int, largest: float) -> Any:
        reach = largest * strength
        return tf.random.stateless_uniform([], seeds[index], -reach, reach)

    shape = picture.shape
    picture = warp(
        picture,
        Warp(
            rotation=draw(0, params.rotation),
            shear_x=draw(1, params.shear),
            shear_y=draw(2, params.shear),
            zoom=1 + draw(3, params.zoom),
            shift_x=draw(4, params.translation),
            shift_y=draw(5, params.translation),
            mirror_x=_coin(seeds[6], params.mirror in ("horizontal", "both")),
            mirror_y=_coin(seeds[7], params.mirror in ("vertical", "both")),
        ),
    )
    mean = tf.reduce_mean(picture)
    picture = (picture - mean) * (1 + draw(8, params.contrast)) + mean
    picture = tf.clip_by_value(picture + 255 * draw(9, params.brightness), 0.0, 255.0)
    if params.rand_augment:
        picture = rand_augment(picture, seeds[10], params.rand_augment, strength)
    return tf.ensure_shape(picture, shape)


def _coin(seed: Any, allowed: bool) -> Any:
    """-1 (mirrored) or 1 with equal probability; always 1 without mirroring."""
    if not allowed:
        return tf.constant(1.0)
    return tf.where(tf.random.stateless_uniform([], seed) < 0.5, -1.0, 1.0)


def mix(pictures: Any, targets: Any, seed: Any, params: LiveAugmentation) -> tuple[Any, Any]:
    """Mix each picture of a batch with another: mixup, cutmix, or alternately if both are on.

    Mixup (Zhang et al. 2018) takes a weighted mean of two pictures and of their targets; cutmix
    (Yun et al. 2019) pastes a rectangle of one into the other, and weighs the targets by area.
    `pictures` are `(b, h, w, c)`, `targets` `(b, k)`, rows summing to one, float32; the seed is two
    integers.
    """
    which, ratio, place = tf.unstack(tf.random.split(seed, 3, alg="philox"))
    # Each picture is mixed with its neighbour; the batch is already in random order.
    partners, partner_targets = tf.roll(pictures, 1, 0), tf.roll(targets, 1, 0)
    if params.mixup and params.cutmix:
        cut = tf.random.stateless_uniform([], which) < 0.5
        alpha = tf.where(cut, params.cutmix, params.mixup)
    else:
        cut = tf.constant(params.cutmix > 0)
        alpha = tf.constant(float(params.mixup or params.cutmix))
    share = _beta(ratio, alpha)
    mask = tf.cond(
        cut,
        lambda: _rectangle(tf.shape(pictures), share, place),
        lambda: tf.fill([1, *tf.unstack(tf.shape(pictures)[1:3]), 1], share),
    )
    kept = tf.reduce_mean(mask)
    return (
        mask * pictures + (1 - mask) * partners,
        kept * targets + (1 - kept) * partner_targets,
    )


def _beta(seed: Any, alpha: Any) -> Any:
    """One draw from Beta(alpha, alpha)."""
    draws = tf.random.stateless_gamma([2], seed, alpha=alpha)
    # With a tiny alpha both draws may round to zero; one half is then used.
    return tf.math.divide_no_nan(draws[0] + 1e-30, tf.reduce_sum(draws) + 2e-30)


def _rectangle(shape: Any, share: Any, seed: Any) -> Any:
    """A mask `(1, h, w, 1)` of ones with a rectangle of zeros, of about `1 - share` of the area."""
    height, width = shape[1], shape[2]
    centre = tf.random.stateless_uniform([2], seed)
    half = tf.sqrt(1 - share) / 2
    rows = (tf.range(height, dtype=tf.float32) + 0.5) / tf.cast(height, tf.float32)
    columns = (tf.range(width, dtype=tf.float32) + 0.5) / tf.cast(width, tf.float32)
    inside = (tf.abs(rows - centre[0]) < half)[:, None] & (tf.abs(columns - centre[1]) < half)[None]
    return 1 - tf.cast(inside, tf.float32)[None, :, :, None]
