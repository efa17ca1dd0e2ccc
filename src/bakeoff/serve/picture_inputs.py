"""Parse the pictures of a request, or report what is wrong in one sentence.

The HTTP service and the MLflow model share these rules, so both accept and refuse the same input.
"""

import base64
import binascii
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from bakeoff.pictures.decoding import opened
from bakeoff.pictures.picture_error import PictureError

Picture = bytes | NDArray[Any]  # a file, or pixels

MAX_PICTURES = 256  # in one request
MAX_PIXELS = 100_000_000  # of all pictures of one request together, before resizing

# A grey picture this narrow cannot be distinguished from one row of a colour picture.
_CHANNELS = 4


class RequestError(ValueError):
    """A mistake of the caller, in one sentence."""


def pictures_of(sent: Any) -> list[Picture]:
    """The pictures of a request, each as the bytes of a file or as an array.

    Args:
        sent: one picture file (bytes, or base64 text), or a list, array, series or one-column
            table of pictures. A picture is bytes, base64 text (a data URL, too, and with line
            breaks) or whole numbers 0 to 255 of shape `(height, width)`, `(height, width, 1)` or
            `(height, width, 3)`.

    Raises:
        RequestError: no picture, too many, too large, or something that is not a picture.
    """
    cells = list(_cells(sent))
    if not 1 <= len(cells) <= MAX_PICTURES:
        raise RequestError(f"{len(cells)} pictures; send 1 to {MAX_PICTURES} at a time")
    sources = [_source(number, cell) for number, cell in enumerate(cells, start=1)]
    _check_pixels(sources)
    return sources


def from_array(pixels: NDArray[Any]) -> Image.Image:
    """A picture from an array `(height, width[, 1 | 3])` of whole numbers 0 to 255.

    Raises:
        PictureError: the shape is wrong, or values are out of range.
    """
    shape = pixels.shape
    if pixels.ndim == 3 and shape[2] == 1:
        pixels = pixels[..., 0]
    fits = pixels.ndim == 2 or (pixels.ndim == 3 and shape[2] == 3)
    if not fits or not pixels.size:
        raise PictureError("not a picture", f"an array of shape {shape}; (h, w) or (h, w, 3) is")
    if pixels.dtype != np.uint8:
        whole = np.issubdtype(pixels.dtype, np.number) and bool((pixels == np.rint(pixels)).all())
        if not whole or pixels.min() < 0 or pixels.max() > 255:
            raise PictureError("unknown value range", "pixels must be whole numbers 0 to 255")
        pixels = pixels.astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels))


def _cells(sent: Any) -> Iterable[Any]:
    if isinstance(sent, pd.DataFrame):
        if sent.shape[1] != 1:
            raise RequestError(
                f"the table has {sent.shape[1]} columns; send one column with pictures"
            )
        return list(sent.iloc[:, 0])
    if isinstance(sent, bytes | str):
        return [sent]
    if isinstance(sent, list | tuple | pd.Series) or (isinstance(sent, np.ndarray) and sent.ndim):
        return list(sent)
    raise RequestError("send a list of pictures")


def _source(number: int, cell: Any) -> Picture:
    """One picture as bytes or as an array."""
    if isinstance(cell, bytes | bytearray | memoryview):
        return bytes(cell)
    if isinstance(cell, str):
        text = cell.partition("base64,")[2] if cell.startswith("data:") else cell
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise RequestError(
                f"picture {number}: the text is not base64; send the base64 of a JPEG or PNG file"
            ) from None
    if isinstance(cell, list | tuple | np.ndarray):
        return _pixels(number, cell)
    raise RequestError(f"picture {number} is neither base64 text nor rows of pixels")


def _pixels(number: int, cell: Any) -> NDArray[Any]:
    try:
        pixels = np.asarray(cell)
    except ValueError:
        raise RequestError(f"picture {number}: the rows differ in length") from None
    if not np.issubdtype(pixels.dtype, np.number):
        raise RequestError(f"picture {number}: a list that does not hold pixels")
    if pixels.ndim < 2 or (pixels.ndim == 2 and pixels.shape[1] <= _CHANNELS):
        raise RequestError(
            f"picture {number} has the shape {pixels.shape}, as one row of a picture has; send a "
            "list of pictures, [pixels], also for a single one"
        )
    return pixels


def _check_pixels(sources: Sequence[Picture]) -> None:
    """Add up the sizes that the headers state, before anything is decoded."""
    total = 0
    for number, source in enumerate(sources, start=1):
        total += _pixel_count(source)
        if total > MAX_PIXELS:
            raise RequestError(
                f"picture {number} brings the request to {total} pixels; send at most {MAX_PIXELS} "
                "at a time"
            )


def _pixel_count(source: Picture) -> int:
    """Pixels of one picture; 0 if the header cannot be read, which decoding will report."""
    if isinstance(source, np.ndarray):
        return int(source.shape[0] * source.shape[1])
    try:
        with opened(source, max_pixels=sys.maxsize, min_side=1) as picture:
            return picture.width * picture.height
    except PictureError:
        return 0
