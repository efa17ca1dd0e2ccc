"""Transforms on pixels that can be checked by hand."""

import numpy as np
import pytest
from scipy import ndimage

from bakeoff.params.data import RandomTransforms
from bakeoff.pictures.transforms import affine_matrix, transform_pixels

STILL = RandomTransforms()
LIVELY = RandomTransforms(
    rotation=20, translation=0.1, zoom=0.2, shear=10, brightness=0.1, contrast=0.2
)
SMALL = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)[:, :, None]


def smooth(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width] / (height + width)
    return np.stack([200 * rows, 200 * columns, 100 + 50 * rows], axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        ("original", [[1, 2, 3], [4, 5, 6]]),
        ("mirror_horizontal", [[3, 2, 1], [6, 5, 4]]),
        ("mirror_vertical", [[4, 5, 6], [1, 2, 3]]),
        ("rotate_90", [[3, 6], [2, 5], [1, 4]]),
        ("rotate_180", [[6, 5, 4], [3, 2, 1]]),
        ("rotate_270", [[4, 1], [5, 2], [6, 3]]),
    ],
)
def test_mirrors_and_quarter_turns(transform, expected):
    changed = transform_pixels(SMALL, transform, 0, STILL)
    assert changed[:, :, 0].tolist() == expected
    assert changed.flags["C_CONTIGUOUS"]


def test_an_unknown_transform_is_a_bug_of_ours():
    with pytest.raises(ValueError, match="swirl"):
        transform_pixels(SMALL, "swirl", 0, STILL)


def test_a_random_copy_depends_on_its_seed_alone():
    pixels = smooth(40, 30)
    first, again, other = (transform_pixels(pixels, "random", s, LIVELY) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == pixels.shape
    assert first.dtype == np.uint8
    assert np.array_equal(transform_pixels(pixels, "random", 1, STILL), pixels)


def test_widening_one_range_leaves_the_other_draws():
    pixels = smooth(40, 40)
    brighter = transform_pixels(pixels, "random", 7, RandomTransforms(brightness=0.1))
    shift = brighter.astype(int) - pixels
    both = RandomTransforms(brightness=0.1, contrast=0.0, zoom=0.0)
    assert np.array_equal(transform_pixels(pixels, "random", 7, both), brighter)
    assert np.ptp(shift) <= 1
    assert 0 < abs(shift.mean()) <= 25.5


def test_translation_moves_the_picture_by_a_share_of_its_side():
    pixels = np.zeros((41, 21, 1), np.uint8)
    pixels[20, 10] = 255
    ranges = RandomTransforms(translation=0.2)
    down, right = np.random.default_rng(3).uniform(-1, 1, 3)[1:] * 0.2 * (41, 21)
    moved = transform_pixels(pixels, "random", 3, ranges)[:, :, 0].astype(float)
    rows, columns = np.mgrid[:41, :21]
    middle = [(moved * axis).sum() / moved.sum() for axis in (rows, columns)]
    assert middle == pytest.approx([20 + down, 10 + right], abs=0.02)


def test_a_positive_rotation_turns_counter_clockwise_about_the_middle():
    pixels = smooth(31, 31)[:, :, 0].astype(float)
    matrix = affine_matrix(90, 1, 0)
    offset = np.array([15, 15]) - matrix @ [15, 15]
    turned = ndimage.affine_transform(pixels, matrix, offset, order=1, mode="nearest")
    assert np.allclose(turned, np.rot90(pixels), atol=1e-6)


def test_a_stretched_picture_is_turned_as_if_it_were_not():
    # Pixels twice as wide as high: a step to the right is two steps down after a quarter turn.
    assert affine_matrix(90, 1, 0, aspect=2) == pytest.approx(np.array([[0, 2], [-0.5, 0]]))
    assert affine_matrix(0, 2, 0) == pytest.approx(np.eye(2) / 2)
    assert affine_matrix(0, 1, 45) == pytest.approx(np.array([[1, 0], [1, 1]]))
