"""Pictures that come as arrays: `.npz` and HDF5 files and scikit-learn's digits, unpacked to PNG.

Each pair of an image array and a label array becomes `<file>/<image array>/<label>/<index>.png`,
so that from there on arrays are folders like any others.
"""

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bakeoff.ingest.containers import damage_told
from bakeoff.ingest.member_names import class_folder, safe_path
from bakeoff.ingest.raw_files import Create
from bakeoff.runtime.errors import BakeoffError

NPZ_SUFFIXES = (".npz",)
HDF5_SUFFIXES = (".h5", ".hdf5", ".he5", ".hdf")
_BLOCK_BYTES = 64 << 20

Pixels = NDArray[Any]


def unpack_arrays(
    file: Path,
    create: Create,
    *,
    images: tuple[str, ...],
    labels: tuple[str, ...],
    max_gigabytes: float,
    where: Path,
) -> int:
    """Write the pictures of one array file and return their number.

    Each is a file that `create` opens, `<file>/<image array>/<label>/<index>.png`.
    Images are (n, height, width), (n, height, width, c) or (n, c, height, width) with c of 1, 3
    or 4; unsigned 8 or 16 bits, booleans, or floating point from 0 to 1 or 0 to 255. Labels are
    n numbers or texts, or (n, classes) one-hot rows.

    Raises:
        BakeoffError: an array is missing, of another shape or type, or over the limit, or the
            file is damaged.
    """
    with damage_told(file), ExitStack() as stack:
        read = _open(file, stack)
        return sum(
            _write_pair(read, create, file, pair, (max_gigabytes, where))
            for pair in zip(images, labels, strict=True)
        )


def write_digits(create: Create, scale: int) -> int:
    """Write scikit-learn's 1797 digits of 8 x 8 pixels, each pixel `scale` x `scale` times."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    grey = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    enlarged = np.kron(grey, np.ones((1, scale, scale), np.uint8))
    _write(enlarged, [str(n) for n in bunch.target], create, "digits", first=0, digits=4)
    return len(enlarged)


def _open(file: Path, stack: ExitStack) -> Callable[[str], Any]:
    """A function from an array's name to something with shape, dtype, nbytes and slices."""
    if file.suffix.lower() in NPZ_SUFFIXES:
        return lambda name: _npz_array(file, name)
    import h5py

    try:
        opened = stack.enter_context(h5py.File(file, "r"))
    except OSError:
        raise BakeoffError(f"{file}: not an HDF5 file, or damaged; get it again") from None
    return lambda name: _hdf5_array(file, opened, name)


def _hdf5_array(file: Path, opened: Any, name: str) -> Any:
    import h5py

    if name not in opened:
        raise BakeoffError(f"{file}: holds no array '{name}'; it has {_names(_walk(opened))}")
    array = opened[name]
    # Either would read another file, wherever it is.
    if isinstance(opened.get(name, getlink=True), h5py.ExternalLink) or (
        isinstance(array, h5py.Dataset) and (array.is_virtual or array.external)
    ):
        raise BakeoffError(f"{file}: refused, for '{name}' lies in another file; copy it in")
    if not isinstance(array, h5py.Dataset):
        raise BakeoffError(f"{file}: '{name}' is a group of arrays, not an array")
    return array


def _walk(opened: Any) -> list[str]:
    found: list[str] = []
    opened.visititems(lambda name, item: found.append(name) if hasattr(item, "dtype") else None)
    return found


def _names(names: list[str]) -> str:
    return ", ".join(sorted(names)[:12]) or "none"


def _npz_array(file: Path, name: str) -> Any:
    try:
        with zipfile.ZipFile(file) as archive:
            known = [n.removesuffix(".npy") for n in archive.namelist()]
        if name not in known:
            raise BakeoffError(f"{file}: holds no array '{name}'; it has {_names(known)}")
        return _NpzArray(file, name)
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, RuntimeError) as error:
        raise BakeoffError(f"{file}: '{name}' cannot be read ({error})") from None


class _NpzArray:
    """One array of an `.npz`: its header now, its values when sliced; no pickles."""

    def __init__(self, file: Path, name: str) -> None:
        self._file, self._name = file, name
        self._values: Pixels | None = None
        with zipfile.ZipFile(file) as archive, archive.open(f"{name}.npy") as stream:
            version = np.lib.format.read_magic(stream)
            read = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            self.shape, _, self.dtype = read(stream)
        if self.dtype.hasobject:
            raise ValueError("it holds Python objects, which can run code; save plain numbers")
        self.nbytes = int(np.prod(self.shape, dtype=np.float64)) * self.dtype.itemsize

    def __getitem__(self, where: Any) -> Pixels:
        if self._values is None:
            with np.load(self._file, allow_pickle=False) as arrays:
                self._values = arrays[self._name]
        return self._values[where]


def _write_pair(
    read: Callable[[str], Any],
    create: Create,
    file: Path,
    pair: tuple[str, str],
    limit: tuple[float, Path],
) -> int:
    told = f"{file}: "
    images, labels = read(pair[0]), read(pair[1])
    for array in (images, labels):
        if array.nbytes > limit[0] * 1e9:
            raise BakeoffError(
                f"{told}unpacks to more than {limit[0]:g} GB; "
                f"if it should, raise 'max_gigabytes' in {limit[1]}"
            )
    shape = tuple(images.shape)
    if len(shape) not in (3, 4) or 0 in shape:
        raise BakeoffError(
            f"{told}'{pair[0]}' has shape {shape}, not (pictures, height, width[, 3])"
        )
    named = _label_names(labels[...], shape[0], f"{told}'{pair[1]}'")
    step = max(1, _BLOCK_BYTES // max(1, images.nbytes // shape[0]))
    digits = len(str(shape[0] - 1))
    folder = safe_path(f"{file.stem}/{pair[0].replace('/', '_')}")
    scale = _scale(images, step, f"{told}'{pair[0]}'")
    for first in range(0, shape[0], step):
        block = _pixels(images[first : first + step], scale, f"{told}'{pair[0]}'")
        _write(block, named[first : first + step], create, folder, first=first, digits=digits)
    return int(shape[0])


def _label_names(labels: Pixels, count: int, told: str) -> list[str]:
    """Labels as text; one-hot rows become the number of their column."""
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[0] == count and labels.shape[1] > 1:
        if not np.array_equal(np.sort(labels, axis=1)[:, -2:], np.tile([0, 1], (count, 1))):
            raise BakeoffError(f"{told} has shape {labels.shape} but its rows are not one-hot")
        labels = labels.argmax(axis=1)
    if labels.size != count:
        raise BakeoffError(f"{told} has shape {labels.shape}, but there are {count} pictures")
    labels = labels.ravel()
    if labels.dtype.kind == "f" and np.all(labels == np.rint(labels)):
        labels = labels.astype(np.int64)
    return [n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in labels]


def _blocks(images: Any, step: int) -> Iterator[Pixels]:
    for first in range(0, images.shape[0], step):
        yield np.asarray(images[first : first + step])


def _scale(images: Any, step: int, told: str) -> float:
    """The factor that brings the whole array to 0..255 (or 0..65535 for 16 bits)."""
    kind = images.dtype.kind
    if images.dtype in (np.uint8, np.uint16):
        return 1.0
    if kind == "b":
        return 255.0
    if kind not in "iuf":
        raise BakeoffError(f"{told} holds {images.dtype}, not numbers")
    low = min(float(block.min()) for block in _blocks(images, step))
    high = max(float(block.max()) for block in _blocks(images, step))
    if not (low >= 0 and high <= 255):
        raise BakeoffError(f"{told} has values from {low:g} to {high:g}, not 0 to 1 or 0 to 255")
    return 255.0 if kind == "f" and high <= 1 else 1.0


def _pixels(block: Pixels, scale: float, told: str) -> Pixels:
    """(n, h, w) or (n, h, w, 1|3|4), uint8 or uint16."""
    block = np.asarray(block)
    if block.dtype not in (np.uint8, np.uint16):
        block = np.rint(block.astype(np.float32) * scale).astype(np.uint8)
    if block.ndim == 3:
        return block
    if block.shape[3] not in (1, 3, 4) and block.shape[1] in (1, 3, 4):
        block = block.transpose(0, 2, 3, 1)
    if block.shape[3] not in (1, 3, 4):
        raise BakeoffError(f"{told} has {block.shape[3]} channels, not 1, 3 or 4")
    if block.dtype == np.uint16 and block.shape[3] > 1:
        block = np.rint(block / 257).astype(np.uint8)  # no PNG of 16-bit colour from Pillow
    return block[..., 0] if block.shape[3] == 1 else block


def _write(
    block: Pixels, labels: list[str], create: Create, folder: str, *, first: int, digits: int
) -> None:
    for offset, (pixels, label) in enumerate(zip(block, labels, strict=True)):
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG", compress_level=1)
        with create(f"{folder}/{_folder_name(label)}/{first + offset:0{digits}d}.png") as file:
            file.write(stream.getvalue())


def _folder_name(label: str) -> str:
    # A label is text from a file: it must be one component, and never a way out.
    return safe_path(class_folder(label)) or "_"
