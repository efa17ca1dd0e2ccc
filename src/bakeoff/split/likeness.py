"""Near duplicates that hashes alone cannot tell from strangers, confirmed on thumbnails.

A crop, another exposure or a mirror image moves a perceptual hash further than
`split.near_duplicates` allows, and so far that strangers are as near. Such pairs are candidates:
their thumbnails are compared tile by tile, each tile free to move a little, and in their fine
detail.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image
from scipy import ndimage

from bakeoff.runtime.parallel import map_shards
from bakeoff.split.duplicates import HASH_BITS, flat_hashes, join, unpack_hashes

CANDIDATE_BITS = 40
_SIDE, _TILE, _BLOCK = 64, 16, 4  # pixels
_SHIFT = 3  # pixels by which a crop may have moved a tile
_TEXTURE = 0.01  # least share of the picture's variance in a tile that is compared
_DETAILED = 0.115  # least share of it in the fine detail; smooth pictures have similar strangers
# Measured on dogs, products, hands and chest X-rays, see docs/splits.md.
_TILES_ALIKE = 0.94  # correlation of the second worst tile
_DETAIL_ALIKE = 0.66  # correlation of what is finer than 4 pixels
_ROWS = 2048  # hashes compared at once with all others

Grey = npt.NDArray[np.float64]
Pairs = npt.NDArray[np.int64]


def add_likeness(manifest: pd.DataFrame, bits: int | None) -> pd.DataFrame:
    """The manifest with a column `likeness`: equal, and not "", for pictures that are alike.

    From a distance of `bits` on a pair is only a candidate; None adds a column of "".
    """
    if bits is None:
        return manifest.assign(likeness="")
    pairs, mirrored = candidates(manifest, bits)
    thumbnails = _thumbnails(manifest["path"], np.unique(pairs))
    alike = [
        are_alike(thumbnails[one], thumbnails[other][:, ::-1] if mirror else thumbnails[other])
        for (one, other), mirror in zip(pairs.tolist(), mirrored.tolist(), strict=True)
    ]
    pairs = pairs[np.array(alike, bool)]
    linked = np.isin(np.arange(len(manifest)), pairs)
    return manifest.assign(likeness=join(manifest["image_id"], pairs).where(linked, ""))


def candidates(manifest: pd.DataFrame, bits: int) -> tuple[Pairs, npt.NDArray[np.bool_]]:
    """Pairs of rows within `CANDIDATE_BITS`, as they are or mirrored, that nothing else joins.

    A mirrored picture has the signs of its odd horizontal frequencies changed, and so its hash has
    (but for the median) the bits of its odd columns inverted. The products of all hashes, as
    vectors of 1 and -1, are one matrix product. Returns (k, 2) row numbers, first below second; and
    (k,) whether the second is mirrored.
    """
    hashes = unpack_hashes(manifest["phash"])
    large = manifest[["width", "height"]].min(axis=1).to_numpy() >= _SIDE
    rows = np.flatnonzero(~flat_hashes(hashes) & large)
    words = np.ascontiguousarray(hashes[rows].astype(">u8")).view(np.uint8)
    signs = (
        np.unpackbits(words.reshape(len(rows), HASH_BITS // 8), axis=1).astype(np.float32) * 2 - 1
    )
    even, odd = (np.ascontiguousarray(signs[:, start::2]) for start in (0, 1))
    ids = manifest["image_id"].to_numpy(object)[rows]
    least = HASH_BITS - 2 * CANDIDATE_BITS
    found, mirrors = [np.empty((0, 2), np.int64)], [np.empty(0, bool)]
    for first in range(0, len(rows), _ROWS):
        block = slice(first, first + _ROWS)
        even_dot, odd_dot = even[block] @ even[first:].T, odd[block] @ odd[first:].T
        for mirror, dot in ((False, even_dot + odd_dot), (True, even_dot - odd_dot)):
            one, other = np.nonzero(dot >= least)
            known = (dot[one, other] >= HASH_BITS - 2 * bits) & (not mirror)
            keep = (one < other) & ~known & (ids[one + first] != ids[other + first])
            pairs = np.stack([rows[one[keep] + first], rows[other[keep] + first]], axis=1)
            found.append(pairs.astype(np.int64))
            mirrors.append(np.full(len(pairs), mirror))
    return np.concatenate(found), np.concatenate(mirrors)


def _thumbnails(paths: "pd.Series[str]", rows: Pairs) -> dict[int, Grey]:
    """Grey thumbnails of some rows, (64, 64) each."""
    numbers: list[int] = rows.tolist()
    read = map_shards(lambda n: thumbnail(Path(paths.iloc[n])), numbers, describe="comparing")
    return dict(zip(numbers, read, strict=True))


def thumbnail(path: Path) -> Grey:
    """A picture in grey, stretched to 64 x 64 pixels, 0 to 255."""
    with Image.open(path) as picture:
        picture.draft("L", (2 * _SIDE, 2 * _SIDE))
        small = picture.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.float64)


def are_alike(one: Grey, other: Grey) -> bool:
    """Whether two thumbnails show the same picture.

    All tiles with texture but one must correlate, each at its best shift of up to three pixels, and
    so must the fine detail of the whole. Pictures with little fine detail, such as X-rays and
    enlarged small pictures, are never confirmed: strangers among them look alike. Thumbnails are
    (64, 64), 0 to 255.

    Examples:
        >>> picture = np.random.default_rng(0).uniform(0, 255, (64, 64))
        >>> are_alike(picture, 0.5 * picture + 20), are_alike(picture, picture.T)
        (True, False)
    """
    if any(_detail(picture).var() <= _DETAILED * picture.var() for picture in (one, other)):
        return False
    smooth, far = ndimage.gaussian_filter(one, 1), ndimage.gaussian_filter(other, 1)
    ours = _tiles(smooth)
    textured = np.maximum(_share(ours, smooth), _share(_tiles(far), far)) > _TEXTURE
    tiles, detail = np.full(len(ours), -1.0), np.full(1, -1.0)
    fine = _detail(one).reshape(1, -1)
    for shift in np.ndindex(2 * _SHIFT + 1, 2 * _SHIFT + 1):
        moved = _moved(far, shift)
        tiles = np.maximum(tiles, _correlation(ours, _tiles(moved)))
        if detail < _DETAIL_ALIKE:
            theirs = _detail(_moved(other, shift)).reshape(1, -1)
            detail = np.maximum(detail, _correlation(fine, theirs))
    worst = np.sort(tiles[textured])
    return bool(len(worst) > 1 and worst[1] >= _TILES_ALIKE and detail[0] >= _DETAIL_ALIKE)


def _moved(picture: Grey, shift: tuple[int, ...]) -> Grey:
    padded = np.pad(picture, _SHIFT, mode="edge")
    return padded[shift[0] : shift[0] + _SIDE, shift[1] : shift[1] + _SIDE]


def _tiles(picture: Grey) -> Grey:
    """(16, 256) tiles of 16 x 16 pixels."""
    count = _SIDE // _TILE
    tiles = picture.reshape(count, _TILE, count, _TILE).transpose(0, 2, 1, 3)
    return tiles.reshape(count * count, _TILE * _TILE)


def _share(tiles: Grey, picture: Grey) -> Grey:
    share: Grey = tiles.var(axis=1) / (picture.var() + 1e-9)
    return share


def _detail(picture: Grey) -> Grey:
    """What remains without the mean of each 4 x 4 pixels."""
    count = _SIDE // _BLOCK
    means = picture.reshape(count, _BLOCK, count, _BLOCK).mean(axis=(1, 3))
    return picture - np.kron(means, np.ones((_BLOCK, _BLOCK)))


def _correlation(one: Grey, other: Grey) -> Grey:
    """Pearson's, row by row; 0 where a row is flat."""
    one, other = (rows - rows.mean(axis=1, keepdims=True) for rows in (one, other))
    norm = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    correlation: Grey = (one * other).sum(axis=1) / (norm + 1e-9)
    return correlation
