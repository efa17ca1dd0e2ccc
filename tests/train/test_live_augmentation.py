import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from bakeoff.params.training import LiveAugmentation
from bakeoff.pictures.warping import Warp, warp
from bakeoff.train.live_augmentation import augment, is_active, mix
from bakeoff.train.rand_augment import OPERATIONS, rand_augment

RNG = np.random.default_rng(0)
PICTURE = RNG.uniform(0, 255, (16, 16, 3)).astype(np.float32)


def smooth(side=32):
    rows, columns = np.mgrid[:side, :side] / side
    return (255 * np.stack([rows, columns, rows * columns], axis=-1)).astype(np.float32)


def test_doing_nothing_changes_nothing():
    np.testing.assert_allclose(warp(PICTURE, Warp()), PICTURE, atol=1e-4)
    assert not is_active(LiveAugmentation())
    found = augment(tf.constant(PICTURE), [1, 2], LiveAugmentation())
    np.testing.assert_allclose(found, PICTURE, atol=1e-3)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (Warp(mirror_x=-1.0), PICTURE[:, ::-1]),
        (Warp(mirror_y=-1.0), PICTURE[::-1]),
        (Warp(rotation=90.0), np.rot90(PICTURE)),
        (Warp(rotation=180.0), PICTURE[::-1, ::-1]),
        (Warp(shift_x=0.25, mirror_x=1.0), np.concatenate([PICTURE[:, 3::-1], PICTURE[:, :12]], 1)),
    ],
)
def test_warps_that_move_whole_pixels(how, expected):
    np.testing.assert_allclose(warp(PICTURE, how), expected, atol=0.05)


def test_rotation_zoom_and_shift_agree_with_pillow():
    picture, side = smooth(), 32
    found = warp(picture, Warp(rotation=20.0, zoom=1.5, shift_x=0.1))[..., 0].numpy()
    angle, centre = np.deg2rad(20), side / 2
    cos, sin = np.cos(angle) / 1.5, np.sin(angle) / 1.5
    x, y = centre + 0.1 * side, centre
    matrix = (cos, -sin, centre - cos * x + sin * y, sin, cos, centre - sin * x - cos * y)
    layer = Image.fromarray(picture[..., 0])
    theirs = layer.transform(
        (side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    inner = np.s_[8:24, 8:24]
    np.testing.assert_allclose(found[inner], np.asarray(theirs)[inner], atol=1.0)


def test_shear_slants_columns():
    column = np.zeros((17, 17, 1), np.float32)
    column[:, 8] = 255
    slanted = warp(column, Warp(shear_x=45.0))[..., 0].numpy()
    assert [int(row.argmax()) for row in slanted[4:13]] in (
        list(range(4, 13)),
        list(range(12, 3, -1)),
    )


EVERYTHING = LiveAugmentation(
    mirror="both",
    rotation=20,
    translation=0.1,
    zoom=0.2,
    shear=10,
    contrast=0.3,
    brightness=0.2,
    rand_augment=3,
)


def test_draws_depend_on_the_seed_alone():
    first, same, other = (
        augment(tf.constant(PICTURE), seed, EVERYTHING).numpy() for seed in ([1, 2], [1, 2], [1, 3])
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    assert first.shape == PICTURE.shape
    assert 0 <= first.min() and first.max() <= 255


def test_no_strength_leaves_only_mirroring():
    found = augment(tf.constant(PICTURE), [4, 4], LiveAugmentation(zoom=0.5, contrast=0.5), 0.0)
    np.testing.assert_allclose(found, PICTURE, atol=1e-3)


def test_half_of_the_pictures_are_mirrored():
    params = LiveAugmentation(mirror="horizontal")
    mirrored = [
        np.allclose(augment(tf.constant(PICTURE), [7, i], params), PICTURE[:, ::-1], atol=0.01)
        for i in range(60)
    ]
    assert 18 <= sum(mirrored) <= 42


def test_brightness_stays_within_its_range():
    grey = tf.fill([4, 4, 3], 128.0)
    shifts = [
        float(augment(grey, [3, i], LiveAugmentation(brightness=0.1))[0, 0, 0]) - 128
        for i in range(40)
    ]
    assert max(map(abs, shifts)) <= 25.5 + 1e-3
    assert min(shifts) < -5 and max(shifts) > 5


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@pytest.mark.parametrize("channels", [1, 3])
def test_operations_keep_shape_and_do_nothing_at_zero(name, channels):
    picture = tf.constant(smooth()[..., :channels])
    for amount in (-1.0, 1.0):
        found = OPERATIONS[name](picture, tf.constant(amount))
        assert found.shape == picture.shape
        assert np.isfinite(found).all()
    if name not in ("autocontrast", "equalize", "solarize"):
        found = OPERATIONS[name](picture, tf.constant(0.0))
        # Keeping all eight bits still drops what is below one grey level.
        np.testing.assert_allclose(found, picture, atol=1.0)


def test_equalize_and_autocontrast_agree_with_pillow():
    from PIL import ImageOps

    pixels = np.clip(RNG.normal(100, 20, (40, 40, 3)), 0, 255).astype(np.uint8)
    picture = tf.constant(pixels.astype(np.float32))
    for name, theirs in (("equalize", ImageOps.equalize), ("autocontrast", ImageOps.autocontrast)):
        expected = np.asarray(theirs(Image.fromarray(pixels))).astype(np.float32)
        found = OPERATIONS[name](picture, tf.constant(1.0)).numpy()
        assert np.abs(found - expected).max() <= 1, name


def test_rand_augment_draws_different_operations():
    results = {rand_augment(tf.constant(PICTURE), [1, i], 1).numpy().tobytes() for i in range(30)}
    assert len(results) > 15


@pytest.mark.parametrize("params", [{"mixup": 0.4}, {"cutmix": 0.4}, {"mixup": 0.4, "cutmix": 0.4}])
def test_mixing_weighs_pictures_and_targets_alike(params):
    pictures = tf.stack([tf.fill([20, 20, 1], float(100 * i)) for i in range(3)])
    targets = tf.eye(3)
    for seed in range(6):
        mixed, mixed_targets = mix(pictures, targets, [5, seed], LiveAugmentation(**params))
        np.testing.assert_allclose(tf.reduce_sum(mixed_targets, 1), 1, atol=1e-6)
        # The mean grey of each mixture is the mean of its pictures', weighed as its targets are.
        expected = mixed_targets.numpy() @ [0, 100, 200]
        np.testing.assert_allclose(tf.reduce_mean(mixed, (1, 2, 3)), expected, atol=0.01)


def test_cutmix_pastes_and_mixup_blends():
    pictures = tf.stack([tf.zeros([20, 20, 1]), tf.fill([20, 20, 1], 255.0)])
    cut, _ = mix(pictures, tf.eye(2), [1, 1], LiveAugmentation(cutmix=1.0))
    blend, _ = mix(pictures, tf.eye(2), [1, 1], LiveAugmentation(mixup=1.0))
    assert set(np.unique(cut)) <= {0.0, 255.0}
    assert len(np.unique(blend[0])) == 1
    assert 0 < float(blend[0, 0, 0, 0]) < 255
