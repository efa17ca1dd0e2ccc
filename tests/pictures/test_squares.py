"""The path from a decoded picture to record pixels."""

import io
import subprocess
import sys
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps
from skimage.exposure import equalize_adapthist

from bakeoff.params.data import Fit, RandomTransforms, TfrecordParams
from bakeoff.pictures.squares import (
    encode_picture,
    equalize,
    to_record_picture,
    to_square,
)
from bakeoff.pictures.transforms import transform_pixels

FITS = ("stretch", "crop", "pad_black", "pad_white")


def picture(width=50, height=40, mode="RGB") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 120, (height, width, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def black_and_white(width: int, height: int) -> Image.Image:
    """White on the left half, black on the right."""
    shown = Image.new("RGB", (width, height), "black")
    shown.paste("white", (0, 0, width // 2, height))
    return shown


def fitted(
    shown: Image.Image, fit: Fit, side: int, channels: Literal[1, 3] = 3
) -> NDArray[np.uint8]:
    return to_record_picture(shown, TfrecordParams(image_side=side, channels=channels, fit=fit))


@pytest.mark.parametrize("params", [{}, {"fit": "stretch"}])
def test_pictures_are_stretched_to_the_square_by_pillows_lanczos_filter(params):
    pixels = to_record_picture(picture(), TfrecordParams(image_side=16, **params))
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8
    expected = picture().resize((16, 16), Image.Resampling.LANCZOS)
    assert np.array_equal(pixels, np.asarray(expected))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("fit", "border"), [("pad_black", 0), ("pad_white", 255)])
def test_padding_shows_the_whole_picture_between_two_borders(channels, fit, border):
    # 20 x 10 becomes 8 x 4, in the middle of 8 x 8; its ends are far from where the halves meet.
    wide = fitted(black_and_white(20, 10), fit, 8, channels)
    assert wide.shape == (8, 8, channels)
    assert (wide[:2] == border).all() and (wide[6:] == border).all()
    assert (wide[2:6, 0] == 255).all() and (wide[2:6, 7] == 0).all()
    tall = fitted(black_and_white(20, 10).transpose(Image.Transpose.TRANSPOSE), fit, 8, channels)
    assert np.array_equal(tall, wide.transpose(1, 0, 2))


@pytest.mark.parametrize("channels", [1, 3])
def test_nothing_is_resampled_where_the_side_fits_already(channels):
    noise = picture(20, 10).convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(noise).reshape(10, 20, channels)
    assert np.array_equal(fitted(noise, "crop", 10, channels), pixels[:, 5:15])
    for fit, border in (("pad_black", 0), ("pad_white", 255)):
        padded = np.pad(pixels, [(5, 5), (0, 0), (0, 0)], constant_values=border)
        assert np.array_equal(fitted(noise, fit, 20, channels), padded)


def test_cropping_and_padding_are_pillows():
    size, lanczos = (16, 16), Image.Resampling.LANCZOS
    for shown in (picture(50, 40), picture(31, 77), picture(16, 5), picture(9, 10, mode="L")):
        assert to_square(shown, 16, "crop") == ImageOps.fit(shown, size, lanczos)
        for colour in ("black", "white"):
            expected = ImageOps.pad(shown, size, lanczos, color=colour)
            assert to_square(shown, 16, f"pad_{colour}") == expected


def test_a_square_picture_is_the_same_however_it_is_fitted():
    first, *others = (fitted(picture(40, 40), fit, 16) for fit in FITS)
    assert all(np.array_equal(first, other) for other in others)


def test_the_thinnest_picture_leaves_a_line():
    line = fitted(Image.new("L", (1, 300), 200), "pad_black", 8, channels=1)
    assert sorted(line.sum(axis=(0, 2))) == [0] * 7 + [8 * 200]


@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    side=st.integers(8, 40),
    channels=st.sampled_from([1, 3]),
    fit=st.sampled_from(FITS),
)
def test_a_record_is_always_a_square(width, height, side, channels, fit):
    pixels = fitted(Image.new("RGB", (width, height), (77, 77, 77)), fit, side, channels)
    assert pixels.shape == (side, side, channels)
    assert pixels.dtype == np.uint8
    border = {"pad_black": 0, "pad_white": 255}.get(fit, 77)
    assert set(np.unique(pixels)) <= {77, border}
    assert 77 in pixels


@pytest.mark.parametrize("fit", FITS)
def test_a_random_rotation_is_one_of_the_picture_as_it_was_fitted(fit):
    shown, ranges = picture(60, 20), RandomTransforms(rotation=40)
    params = TfrecordParams(image_side=16, fit=fit)
    turned = to_record_picture(shown, params, "random", 3, ranges)
    aspect = 3.0 if fit == "stretch" else 1.0
    plain = to_record_picture(shown, params)
    assert np.array_equal(turned, transform_pixels(plain, "random", 3, ranges, aspect))
    assert not np.array_equal(turned, transform_pixels(plain, "random", 3, ranges, 4 - aspect))


def test_an_unknown_fit_is_refused():
    with pytest.raises(ValueError, match="unknown fit 'squash'"):
        to_square(picture(), 16, "squash")


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
    code = "import bakeoff.pictures.squares, sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
