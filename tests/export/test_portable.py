"""Pillow's box filter, rebuilt from its whole-numbered weights."""

import keras
import numpy as np
import pytest

from bakeoff.baselines.descriptors import pixels
from bakeoff.export.portable import _averaged


@pytest.mark.parametrize(("side", "small"), [(300, 32), (224, 32), (64, 7), (30, 7), (20, 32)])
def test_pixels_are_averaged_to_the_last_bit(side, small):
    picture = np.random.default_rng(side).integers(0, 256, (4, side, side, 3), np.uint8)
    picture[3] = np.arange(side, dtype=np.uint8)[:, None, None]  # halves, to be rounded
    square = keras.Input((side, side, 3))
    found = keras.Model(square, _averaged(square, side, small))(picture.astype("float32"))
    np.testing.assert_array_equal(found, [pixels(each, small) for each in picture])
