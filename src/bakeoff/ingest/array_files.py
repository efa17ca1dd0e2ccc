"""Array files (`.npz`, `.npy`, HDF5 and IDX), opened without pickle."""

import gzip
import re
import zipfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.runtime.errors import BakeoffError

HDF5_SUFFIXES = (".h5", ".hdf5", ".he5", ".hdf")
_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


@dataclass(frozen=True)
class ArrayFile:
    """One file, the names of its arrays, and a function that opens one of them.

    An opened array has `shape`, `dtype` and `nbytes`; slicing it reads values.
    """

    path: Path
    names: tuple[str, ...]
    read: Callable[[str], Any]

    def holds(self, wanted: str) -> str | None:
        """The array named by `wanted`: an exact name, a glob, or a part of the name such as `x`."""
        if wanted in self.names:
            return wanted
        fitting = [n for n in self.names if fnmatchcase(n, wanted) or wanted in _parts(n)]
        return fitting[0] if len(fitting) == 1 else None


def _parts(name: str) -> list[str]:
    # A file with one array is named for it: `X_train.npy`, `train-images-idx3-ubyte.gz`.
    return re.split(r"[-_. ]", name) if "/" not in name else []


def open_arrays(path: Path, stack: ExitStack, max_bytes: float) -> ArrayFile | None:
    """Open a file for the lifetime of `stack`; None if it contains no arrays.

    The content decides the format; `max_bytes` limits the values of an IDX file.

    Raises:
        BakeoffError: the file is damaged, or an array lies in another file.
    """
    with path.open("rb") as stream:
        magic = stream.read(8)
    if path.suffix.lower() in HDF5_SUFFIXES or magic == b"\x89HDF\r\n\x1a\n":
        return _hdf5(path, stack)
    if magic.startswith(b"\x93NUMPY"):
        return ArrayFile(path, (path.stem,), partial(_npy, path))
    if path.suffix.lower() == ".npz":
        return _npz(path)
    if magic.startswith(b"\x1f\x8b"):
        with gzip.open(path) as packed:
            magic = packed.read(4)
    if magic[:2] == b"\0\0" and magic[2:3] and magic[2] in _IDX_TYPES and 0 < magic[3] <= 4:
        name = path.name.removesuffix(".gz")
        return ArrayFile(path, (name,), lambda _: _idx(path, max_bytes))
    return None


def is_numbers(path: Path) -> bool:
    """Whether a file contains numbers and is not an archive of such files."""
    with path.open("rb") as stream:
        magic = stream.read(2)
    packed = path.suffix.lower() != ".npz" and magic == b"PK"
    name = path.name.lower()
    return not packed and (".tar" not in name and not name.endswith((".tgz", ".tbz2", ".txz")))


def _hdf5(path: Path, stack: ExitStack) -> ArrayFile:
    import h5py

    try:
        opened = stack.enter_context(h5py.File(path, "r"))
    except OSError:
        raise BakeoffError(f"{path}: not an HDF5 file, or damaged; get it again") from None
    found: list[str] = []
    opened.visititems(lambda name, item: found.append(name) if hasattr(item, "dtype") else None)
    links = [n for n in opened if isinstance(opened.get(n, getlink=True), h5py.ExternalLink)]
    return ArrayFile(path, tuple([*found, *links]), partial(_hdf5_array, path, opened))


def _hdf5_array(path: Path, opened: Any, name: str) -> Any:
    import h5py

    # Both kinds of dataset would read another file.
    external = isinstance(opened.get(name, getlink=True), h5py.ExternalLink)
    array: Any = None if external else opened[name]
    if external or array.is_virtual or array.external:
        raise BakeoffError(f"{path}: refused, for '{name}' lies in another file; copy it in")
    return array


def _npz(path: Path) -> ArrayFile:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith(".npy")]
    except zipfile.BadZipFile as error:
        raise BakeoffError(f"{path}: damaged ({error}); get it again") from None
    names = tuple(name.removesuffix(".npy") for name in members)
    return ArrayFile(path, names, partial(_NpzArray, path))


def _npy(path: Path, name: str) -> NDArray[Any]:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise BakeoffError(
            f"{path}: '{name}' cannot be read ({error}); save it again as numbers"
        ) from None


class _NpzArray:
    """One array of an `.npz`: the header is read now, values when sliced."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        self._values: NDArray[Any] | None = None
        try:
            with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
                major = np.lib.format.read_magic(stream)[0]
                header = np.lib.format
                read = header.read_array_header_1_0 if major == 1 else header.read_array_header_2_0
                self.shape, _, self.dtype = read(stream)
            if self.dtype.hasobject:
                raise ValueError("it holds Python objects, which can run code; save plain numbers")
        except (zipfile.BadZipFile, EOFError, OSError, ValueError, RuntimeError) as error:
            raise BakeoffError(
                f"{path}: '{name}' cannot be read ({error}); save it again as numbers"
            ) from None
        self.nbytes = int(np.prod(self.shape, dtype=np.float64)) * self.dtype.itemsize

    def __getitem__(self, where: Any) -> NDArray[Any]:
        if self._values is None:
            with np.load(self._path, allow_pickle=False) as arrays:
                self._values = arrays[self._name]
        return self._values[where]


def _idx(path: Path, max_bytes: float) -> NDArray[Any]:
    """The array of an IDX file (http://yann.lecun.com/exdb/mnist), packed by gzip or not."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as stream:
        head = stream.read(4)
        shape = tuple(int(n) for n in np.frombuffer(stream.read(4 * head[3]), ">u4"))
        dtype = np.dtype(_IDX_TYPES[head[2]])
        wanted = int(np.prod(shape, dtype=np.float64)) * dtype.itemsize
        content = stream.read(int(min(wanted, max_bytes)) + 1)
    if wanted <= max_bytes and len(content) != wanted:
        raise BakeoffError(f"{path}: its header says {wanted} bytes; cut short, get it again")
    if wanted > max_bytes:
        raise BakeoffError(
            f"{path}: unpacks to more than {max_bytes / 1e9:g} GB; if it should, raise "
            "'max_gigabytes' in the data set's file"
        )
    return np.frombuffer(content, dtype).reshape(shape)


def known_names(files: Sequence[ArrayFile]) -> str:
    """Some names of arrays and their files, for a message."""
    names = [f"{name} in {file.path.name}" for file in files for name in sorted(file.names)]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") or "none"
