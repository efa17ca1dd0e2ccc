"""Classical descriptions of a picture: what a forest sees instead of a network's features.

Each describes one picture, uint8 of shape `(height, width, channels)` with one channel (grey) or
three (RGB), as a float32 vector whose length depends on the parameters alone.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2hsv
from skimage.feature import hog, local_binary_pattern

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.parallel import map_shards

Picture = NDArray[np.uint8]
Vector = NDArray[np.float32]

_HISTOGRAM_BINS = 32
_COLOUR_SIDE = 128  # pixels
_GRADIENT_SIDE = 128  # pixels; with cells of 16 this gives 7 x 7 blocks
_TEXTURE_SIDE = 128
_TEXTURE_CELLS = 4  # per side
_TEXTURE_SCALES = ((8, 1), (16, 2))  # (neighbours, radius in pixels)


def describe(
    pictures: Sequence[Picture] | Picture, names: Sequence[str], pixels_side: int
) -> NDArray[np.float32]:
    """Describe pictures by one or more descriptors, one after the other.

    Args:
        pictures: uint8, each `(height, width, channels)`; a list of them or one array.
        names: Any of `pixels`, `colour`, `hog`, `lbp`.
        pixels_side: Side in pixels that `pixels` reduces a picture to.

    Returns:
        Shape `(n, d)`.

    Raises:
        BakeoffError: a name is none of the above.
    """
    functions = [_function(name, pixels_side) for name in names]

    def vector(picture: Picture) -> Vector:
        return np.concatenate([function(picture) for function in functions])

    return np.stack(map_shards(vector, list(pictures), describe="describe"))


def _function(name: str, pixels_side: int) -> Callable[[Picture], Vector]:
    known: dict[str, Callable[[Picture], Vector]] = {
        "pixels": partial(pixels, side=pixels_side),
        "colour": colour_histograms,
        "hog": oriented_gradients,
        "lbp": local_patterns,
    }
    if name not in known:
        raise BakeoffError(
            f"params.yaml: a forest's 'descriptors' hold '{name}'; give "
            f"{', '.join(known)} or features:<model>"
        )
    return known[name]


def pixels(picture: Picture, side: int) -> Vector:
    """The picture reduced to `side` x `side` by averaging; length `side² * channels`."""
    return _resized(picture, side).astype(np.float32).ravel()


def colour_histograms(picture: Picture) -> Vector:
    """Shares of pixels in 32 bins: grey, or red, green, blue, hue, saturation and value.

    Of the picture at 128 x 128 pixels: 4.9 ms of processor time, where 224 x 224 take 17.6 ms.
    """
    picture = _resized(picture, _COLOUR_SIDE)
    if picture.shape[2] == 3:
        channels = np.concatenate([picture / 255.0, rgb2hsv(picture)], axis=2)
    else:
        channels = picture / 255.0
    bins = np.minimum((channels * _HISTOGRAM_BINS).astype(np.int64), _HISTOGRAM_BINS - 1)
    counts = [np.bincount(b.ravel(), minlength=_HISTOGRAM_BINS) for b in np.moveaxis(bins, 2, 0)]
    return (np.concatenate(counts) / bins[..., 0].size).astype(np.float32)


def oriented_gradients(picture: Picture) -> Vector:
    """Histograms of oriented gradients of the grey picture (Dalal and Triggs 2005); length 1764."""
    values = hog(
        _grey(_resized(picture, _GRADIENT_SIDE)),
        orientations=9,
        pixels_per_cell=(16, 16),
        cells_per_block=(2, 2),
        block_norm="L2-Hys",
    )
    return np.asarray(values, np.float32)


def local_patterns(picture: Picture) -> Vector:
    """Histograms of uniform local binary patterns in 4 x 4 cells (Ojala et al. 2002); length 448.

    Two neighbourhoods: 8 neighbours at 1 pixel and 16 at 2 pixels.
    """
    grey = _grey(_resized(picture, _TEXTURE_SIDE))
    parts = []
    for neighbours, radius in _TEXTURE_SCALES:
        codes = local_binary_pattern(grey, neighbours, radius, "uniform").astype(np.int64)
        cells = codes.reshape(_TEXTURE_CELLS, _TEXTURE_SIDE // _TEXTURE_CELLS, _TEXTURE_CELLS, -1)
        for cell in cells.swapaxes(1, 2).reshape(_TEXTURE_CELLS**2, -1):
            parts.append(np.bincount(cell, minlength=neighbours + 2) / cell.size)
    return np.concatenate(parts).astype(np.float32)


def _resized(picture: Picture, side: int) -> Picture:
    """The picture at `side` x `side`; the box filter avoids aliasing."""
    single = picture.shape[2] == 1
    image = Image.fromarray(picture[..., 0] if single else picture)
    resized = np.asarray(image.resize((side, side), Image.Resampling.BOX))
    return resized[..., None] if single else resized


def _grey(picture: Picture) -> Picture:
    """The picture's luminance (ITU-R 601), uint8 of shape `(height, width)`."""
    return (
        np.asarray(Image.fromarray(picture).convert("L"))
        if picture.shape[2] == 3
        else (picture[..., 0])
    )
