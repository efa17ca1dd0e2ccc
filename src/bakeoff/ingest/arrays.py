"""Pictures stored as arrays of numbers, unpacked to PNG.

Each pair of an image array and a label array becomes `<file>/<image array>/<label>/<index>.png`;
later stages treat these folders like any others.
"""

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bakeoff.ingest.array_files import ArrayFile, known_names, open_arrays
from bakeoff.ingest.containers import damage_reported
from bakeoff.ingest.member_names import label_folder, safe_path
from bakeoff.ingest.raw_files import Create
from bakeoff.params.datasets import Arrays
from bakeoff.runtime.errors import BakeoffError

_BLOCK_BYTES = 64 << 20

Pixels = NDArray[Any]

_REMEDY = "name another array with 'images' or 'labels'"
log = logging.getLogger(__name__)


def unpack_arrays(
    paths: Sequence[Path], create: Create, dataset: Arrays, where: Path
) -> tuple[int, list[Path]]:
    """Write the pictures of the arrays in some files.

    Images are (n, height, width), (n, height, width, c) or (n, c, height, width) with c of 1, 3 or
    4; unsigned 8 or 16 bits, booleans, or floating point from 0 to 1 or 0 to 255. Labels are n
    numbers or texts, or (n, classes) one-hot rows. An image array is paired with the label array of
    its own file; if there is none, image files and label files are paired in the order of their
    names. `create` opens each picture, `<file>/<image array>/<label>/<index>.png`. Returns the
    number of pictures, and the files without a wanted array.

    Raises:
        BakeoffError: an array is missing, of another shape or type, or over the limit, or a
            file is damaged.
    """
    limit = dataset.max_gigabytes * 1e9
    count, used = 0, set()
    with ExitStack() as stack:
        files = []
        for path in paths:
            with damage_reported(path):
                files.append(open_arrays(path, stack, limit))
        known = [file for file in files if file is not None]
        for images, labels in zip(dataset.images, dataset.labels, strict=True):
            for pictures, others in _pairs(known, images, labels, where):
                used |= {pictures.path, others.path}
                with damage_reported(pictures.path):
                    names = (pictures.holds(images) or "", others.holds(labels) or "")
                    count += _write_pair(create, (pictures, others), names, (limit, where))
    return count, [path for path in paths if path not in used]


def _pairs(
    files: Sequence[ArrayFile], images: str, labels: str, where: Path
) -> list[tuple[ArrayFile, ArrayFile]]:
    """Pairs of the file with the images and the file with their labels."""
    with_images = [file for file in files if file.holds(images)]
    for name, holders in ((images, with_images), (labels, [f for f in files if f.holds(labels)])):
        if not holders:
            place = f"{files[0].path}: " if len(files) == 1 else ""
            elsewhere = f", or set 'archive' in {where} to the folder that holds both"
            has = known_names(files) + elsewhere * (len(files) == 1)
            raise BakeoffError(f"{place}holds no array '{name}'; name one of {has}")
    together = [file for file in with_images if file.holds(labels)]
    apart = [file for file in with_images if file not in together]
    others = [file for file in files if file.holds(labels) and file not in together]
    if len(apart) != len(others):
        raise BakeoffError(
            f"{where}: {len(apart)} files hold only '{images}' and {len(others)} only '{labels}', "
            f"so they cannot be paired; choose them with 'keep' (found: {known_names(files)})"
        )
    for one, other in zip(apart, others, strict=True):
        log.info("the labels of %s are those of %s", one.path.name, other.path.name)
    return [(file, file) for file in together] + list(zip(apart, others, strict=True))


def write_digits(create: Create, scale: int) -> int:
    """Write scikit-learn's 1797 digits of 8 x 8 pixels, each pixel `scale` x `scale` times."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    grey = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    enlarged = np.kron(grey, np.ones((1, scale, scale), np.uint8))
    write_block(enlarged, [str(n) for n in bunch.target], create, "digits", first=0, digits=4)
    return len(enlarged)


def _write_pair(
    create: Create,
    files: tuple[ArrayFile, ArrayFile],
    names: tuple[str, str],
    limit: tuple[float, Path],
) -> int:
    array_name = f"{files[0].path}: '{names[0]}'"
    images, labels = (file.read(name) for file, name in zip(files, names, strict=True))
    for array in (images, labels):
        if array.nbytes > limit[0]:
            raise BakeoffError(
                f"{files[0].path}: unpacks to more than {limit[0] / 1e9:g} GB; "
                f"if it should, raise 'max_gigabytes' in {limit[1]}"
            )
    shape = tuple(images.shape)
    if len(shape) not in (3, 4) or 0 in shape:
        raise BakeoffError(
            f"{array_name} has shape {shape}, not (pictures, height, width[, 3]); {_REMEDY}"
        )
    named = label_names(labels[...], shape[0], f"{files[1].path}: '{names[1]}'")
    step = max(1, _BLOCK_BYTES // max(1, images.nbytes // shape[0]))
    digits = len(str(shape[0] - 1))
    folder = images_folder(files[0].path, names[0])
    scale = _scale(images, step, array_name)
    for first in range(0, shape[0], step):
        block = _pixels(images[first : first + step], scale, array_name)
        write_block(block, named[first : first + step], create, folder, first=first, digits=digits)
    return int(shape[0])


def images_folder(path: Path, name: str) -> str:
    """The folder of the pictures of an image array, in which each label has its own."""
    return safe_path(f"{path.stem}/{name.replace('/', '_')}")


def label_names(labels: Pixels, count: int, array_name: str) -> list[str]:
    """Labels as text; one-hot rows become the number of their column."""
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[0] == count and labels.shape[1] > 1:
        if not np.array_equal(np.sort(labels, axis=1)[:, -2:], np.tile([0, 1], (count, 1))):
            raise BakeoffError(
                f"{array_name} has shape {labels.shape} but its rows are not one-hot; {_REMEDY}"
            )
        labels = labels.argmax(axis=1)
    if labels.size != count:
        raise BakeoffError(
            f"{array_name} has shape {labels.shape}, but there are {count} pictures; {_REMEDY}"
        )
    labels = labels.ravel()
    if labels.dtype.kind == "f" and np.all(labels == np.rint(labels)):
        labels = labels.astype(np.int64)
    return [n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in labels]


def _blocks(images: Any, step: int) -> Iterator[Pixels]:
    for first in range(0, images.shape[0], step):
        yield np.asarray(images[first : first + step])


def _scale(images: Any, step: int, array_name: str) -> float:
    """The factor that brings the whole array to 0..255 (or 0..65535 for 16 bits)."""
    kind = images.dtype.kind
    if images.dtype in (np.uint8, np.uint16):
        return 1.0
    if kind == "b":
        return 255.0
    if kind not in "iuf":
        raise BakeoffError(f"{array_name} holds {images.dtype}, not numbers; {_REMEDY}")
    low = min(float(block.min()) for block in _blocks(images, step))
    high = max(float(block.max()) for block in _blocks(images, step))
    if not (low >= 0 and high <= 255):
        raise BakeoffError(
            f"{array_name} has values from {low:g} to {high:g}, not 0 to 1 or 0 to 255; rescale it"
        )
    return 255.0 if kind == "f" and high <= 1 else 1.0


def _pixels(block: Pixels, scale: float, array_name: str) -> Pixels:
    """(n, h, w) or (n, h, w, 1|3|4), uint8 or uint16."""
    block = np.asarray(block)
    if block.dtype not in (np.uint8, np.uint16):
        block = np.rint(block.astype(np.float32) * scale).astype(np.uint8)
    if block.ndim == 3:
        return block
    if block.shape[3] not in (1, 3, 4) and block.shape[1] in (1, 3, 4):
        block = block.transpose(0, 2, 3, 1)
    if block.shape[3] not in (1, 3, 4):
        raise BakeoffError(f"{array_name} has {block.shape[3]} channels, not 1, 3 or 4; {_REMEDY}")
    if block.dtype == np.uint16 and block.shape[3] > 1:
        block = np.rint(block / 257).astype(np.uint8)  # no PNG of 16-bit colour from Pillow
    return block[..., 0] if block.shape[3] == 1 else block


def write_block(
    block: Pixels, labels: Sequence[str], create: Create, folder: str, *, first: int, digits: int
) -> None:
    """Write pictures, uint8 (n, height, width[, 3 or 4]), to the folders of their labels."""
    for offset, (pixels, label) in enumerate(zip(block, labels, strict=True)):
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG", compress_level=1)
        name = f"{folder}/{label_folder(label)}/{first + offset:0{digits}d}.png"
        with create(name) as file:
            file.write(stream.getvalue())
