"""Convert a decoded picture to the pixels of a record, without TensorFlow.

The order is: colour or grey, resized to the square, transformed, equalised. Training and prediction
both call `to_record_picture`.
"""

import io

import numpy as np
from PIL import Image, ImageOps
from PIL.Image import Resampling

from bakeoff.params.data import Fit, RandomTransforms, TfrecordParams
from bakeoff.pictures.transforms import ORIGINAL, Pixels, transform_pixels

# zlib's run-length strategy takes a quarter of level 6's time for a fifth more bytes. Unlike the
# other strategies of zlib-ng, it gives the same bytes on every processor.
_PNG_STRATEGY = 3


def to_record_picture(
    picture: Image.Image,
    params: TfrecordParams,
    transform: str = ORIGINAL,
    seed: int = 0,
    ranges: RandomTransforms | None = None,
) -> Pixels:
    """The pixels of one record.

    Args:
        picture: as `bakeoff.pictures.decoding.decode` gives it.
        params: the `tfrecord` block; its `image_side`, `channels`, `fit` and `equalize` count.
        transform: see `bakeoff.pictures.transforms.transform_pixels`.
        seed: of a random transform.
        ranges: of a random transform.

    Returns:
        (image_side, image_side, channels), uint8.
    """
    mode = "L" if params.channels == 1 else "RGB"
    side = params.image_side
    converted = picture if picture.mode == mode else picture.convert(mode)
    square = to_square(converted, side, params.fit)
    pixels = np.asarray(square).reshape(side, side, params.channels)
    if transform != ORIGINAL:
        # Only a stretched picture has pixels that are not square.
        aspect = picture.width / picture.height if params.fit == "stretch" else 1.0
        pixels = transform_pixels(pixels, transform, seed, ranges or RandomTransforms(), aspect)
    return equalize(pixels, params.equalize)


def to_square(picture: Image.Image, side: int, fit: Fit) -> Image.Image:
    """Resize a picture to a square with Pillow's Lanczos filter, which avoids aliasing.

    Args:
        picture: grey or colour, of any proportions.
        side: pixels.
        fit: "stretch", as Keras's loaders do; "crop": the largest centred square; "pad_black"
            and "pad_white": the whole picture, centred, on black or white.

    Examples:
        >>> wide = Image.new("L", (8, 4), 200)
        >>> to_square(wide, 4, "pad_black").getpixel((0, 0)), to_square(wide, 4, "crop").size
        (0, (4, 4))
    """
    if fit == "stretch":
        return picture.resize((side, side), Resampling.LANCZOS)
    if fit == "crop":
        return ImageOps.fit(picture, (side, side), Resampling.LANCZOS)
    if fit in ("pad_black", "pad_white"):
        return _pad(picture, side, fit.removeprefix("pad_"))
    raise ValueError(f"unknown fit '{fit}'")


def _pad(picture: Image.Image, side: int, colour: str) -> Image.Image:
    """Pillow's `ImageOps.pad`, except that a very thin picture keeps at least one pixel."""
    longest = max(picture.size)
    width, height = (max(1, round(length / longest * side)) for length in picture.size)
    square = Image.new(picture.mode, (side, side), colour)
    corner = (round((side - width) / 2), round((side - height) / 2))
    square.paste(picture.resize((width, height), Resampling.LANCZOS), corner)
    return square


def equalize(pixels: Pixels, how: str) -> Pixels:
    """Spread a picture's histogram.

    Args:
        pixels: (height, width, 1 or 3), 0 to 255.
        how: "none"; "channel": flattens every channel's histogram (Pillow's
            `ImageOps.equalize`); "adaptive": contrast-limited adaptive equalisation with
            scikit-image's defaults (Zuiderveld, Graphics Gems IV, 1994); of a colour picture,
            only the brightness changes.

    Returns:
        Pixels of the same shape.

    Examples:
        >>> dark = np.repeat(np.arange(32, dtype=np.uint8), 32).reshape(32, 32, 1)
        >>> int(equalize(dark, "none").max()), int(equalize(dark, "channel").max())
        (31, 255)
    """
    if how == "none":
        return pixels
    if how == "channel":
        spread = np.asarray(ImageOps.equalize(to_picture(pixels)))
        return spread.reshape(pixels.shape)
    if how == "adaptive":
        from skimage.exposure import equalize_adapthist

        flat = pixels if pixels.shape[2] == 3 else pixels[:, :, 0]
        adapted = np.rint(255 * equalize_adapthist(flat)).astype(np.uint8)
        return adapted.reshape(pixels.shape)
    raise ValueError(f"unknown equalisation '{how}'")


def encode_picture(pixels: Pixels, params: TfrecordParams) -> bytes:
    """Encode as PNG (lossless), or as JPEG of the given quality without chroma subsampling."""
    stream = io.BytesIO()
    if params.encoding == "png":
        to_picture(pixels).save(stream, "PNG", compress_type=_PNG_STRATEGY)
    else:
        to_picture(pixels).save(stream, "JPEG", quality=params.jpeg_quality, subsampling=0)
    return stream.getvalue()


def to_picture(pixels: Pixels) -> Image.Image:
    """A Pillow picture of (height, width, 1 or 3) pixels."""
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
