"""The path from a decoded picture to record pixels."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps
from skimage.exposure import equalize_adapthist

from bakeoff.export.record_pictures import encode_picture, equalize, to_record_picture
from bakeoff.params.data import RandomTransforms, TfrecordParams


def picture(width=50, height=40, mode="RGB") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 120, (height, width, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def test_pictures_are_stretched_to_the_square_by_pillows_lanczos_filter():
    pixels = to_record_picture(picture(), TfrecordParams(image_side=16))
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8
    expected = picture().resize((16, 16), Image.Resampling.LANCZOS)
    assert np.array_equal(pixels, np.asarray(expected))


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("channels", [1, 3])
def test_colour_becomes_grey_and_grey_colour_as_asked(mode, channels):
    pixels = to_record_picture(picture(mode=mode), TfrecordParams(image_side=8, channels=channels))
    assert pixels.shape == (8, 8, channels)
    if mode == "L":
        assert (pixels == pixels[:, :, :1]).all()


def test_transforms_come_after_the_resize_and_before_the_equalisation():
    params = TfrecordParams(image_side=16, equalize="channel")
    plain = to_record_picture(picture(), TfrecordParams(image_side=16))
    turned = to_record_picture(picture(), params, "rotate_90")
    assert np.array_equal(turned, equalize(np.ascontiguousarray(np.rot90(plain)), "channel"))
    brighter = RandomTransforms(brightness=1.0)
    changed = to_record_picture(picture(), params, "random", 1, brighter)
    assert not np.array_equal(changed, to_record_picture(picture(), params))


@pytest.mark.parametrize("channels", [1, 3])
def test_equalisation_agrees_with_pillow_and_scikit_image(channels):
    pixels = np.asarray(picture(32, 32))[:, :, :channels]
    shown = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    assert equalize(pixels, "none") is pixels
    spread = equalize(pixels, "channel")
    assert np.array_equal(spread.squeeze(), np.asarray(ImageOps.equalize(shown)))
    assert spread.max() > 230 > pixels.max()
    adapted = equalize(pixels, "adaptive")
    assert adapted.shape == pixels.shape
    expected = equalize_adapthist(pixels[:, :, 0] if channels == 1 else pixels)
    assert np.abs(adapted.squeeze() / 255 - expected).max() <= 0.5 / 255 + 1e-9
    with pytest.raises(ValueError, match="wild"):
        equalize(pixels, "wild")


@pytest.mark.parametrize("how", ["channel", "adaptive"])
def test_a_flat_picture_survives_equalisation(how):
    flat = np.full((16, 16, 3), 77, np.uint8)
    assert np.isfinite(equalize(flat, how)).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_png_is_lossless_and_jpeg_small_and_near(channels):
    params = TfrecordParams(image_side=32, channels=channels)
    smooth = to_record_picture(picture(4, 4), params)
    png, jpeg = (
        encode_picture(smooth, params.model_copy(update={"encoding": e})) for e in ("png", "jpeg")
    )
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), smooth.squeeze())
    near = np.asarray(Image.open(io.BytesIO(jpeg))).astype(int)
    assert 0 < np.abs(near - smooth.squeeze()).mean() < 3


def test_prediction_needs_no_tensorflow_for_it():
    code = "import bakeoff.export.record_pictures, sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
