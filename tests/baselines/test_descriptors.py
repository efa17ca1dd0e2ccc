import numpy as np
import pytest
from skimage.feature import hog

from bakeoff.baselines import descriptors
from bakeoff.runtime.errors import BakeoffError


def noise(seed: int, channels: int = 3, side: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, channels), np.uint8)


def test_pixels_are_means_of_blocks():
    picture = noise(0, side=64)
    expected = picture.reshape(8, 8, 8, 8, 3).mean(axis=(1, 3))
    vector = descriptors.pixels(picture, 8)
    assert vector.dtype == np.float32
    assert vector == pytest.approx(expected.ravel(), abs=1)  # rounded twice to grey levels


def test_a_red_picture_is_in_the_last_red_bin():
    picture = np.zeros((10, 10, 3), np.uint8)
    picture[..., 0] = 255
    histograms = descriptors.colour_histograms(picture).reshape(6, 32)
    assert histograms.sum(axis=1) == pytest.approx(1)
    red, green, blue, hue, saturation, value = histograms
    assert red[31] == green[0] == blue[0] == hue[0] == saturation[31] == value[31] == 1


def test_grey_pictures_have_one_histogram():
    assert descriptors.colour_histograms(noise(0, channels=1)).shape == (32,)


def test_gradients_equal_scikit_image_on_a_picture_of_the_right_size():
    picture = noise(1, channels=1, side=128)
    expected = hog(picture[..., 0], 9, (16, 16), (2, 2), block_norm="L2-Hys")
    assert descriptors.oriented_gradients(picture) == pytest.approx(expected)
    assert len(expected) == 1764


def test_texture_counts_every_pixel_of_every_cell_once():
    histograms = descriptors.local_patterns(noise(2))
    fine, coarse = histograms[: 16 * 10].reshape(16, 10), histograms[16 * 10 :].reshape(16, 18)
    assert fine.sum(axis=1) == pytest.approx(1)
    assert coarse.sum(axis=1) == pytest.approx(1)


def test_a_flat_picture_has_flat_texture():
    flat = np.full((64, 64, 3), 90, np.uint8)
    fine = descriptors.local_patterns(flat)[:160].reshape(16, 10)
    assert (fine[:, 8] > 0.7).all()  # all neighbours at least as bright; edges differ


def test_texture_of_one_cell_changes_that_cell_alone():
    flat = np.full((128, 128, 1), 90, np.uint8)
    marked = flat.copy()
    marked[70:90, 70:90] = noise(3, 1, 20)
    changed = descriptors.local_patterns(flat) != descriptors.local_patterns(marked)
    assert set(np.flatnonzero(changed[:160].reshape(16, 10).any(axis=1))) == {10}


@pytest.mark.parametrize("channels", [1, 3])
def test_descriptions_stand_one_after_the_other(channels):
    pictures = [noise(i, channels) for i in range(3)]
    names = ["pixels", "hog", "lbp", "colour"]
    both = descriptors.describe(pictures, names, 8)
    alone = [descriptors.describe(pictures, [name], 8) for name in names]
    assert np.array_equal(both, np.concatenate(alone, axis=1))


def test_an_unknown_descriptor_is_named():
    with pytest.raises(BakeoffError, match="'sift'.*pixels, colour, hog, lbp"):
        descriptors.describe([noise(0)], ["sift"], 8)
