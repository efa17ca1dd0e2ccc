"""The content of `data/raw`: all raw files in one uncompressed zip, and the list of the others.

DVC spends time on each file, so one file is better than a hundred thousand. Files in the zip are
neither compressed nor renamed, and any file manager opens it.
"""

import csv
import hashlib
import os
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from bakeoff.ingest.containers import DAMAGE
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tables import read_csv

FILES = "files.zip"
LEFT_OUT = "left_out.csv"
_HEADER = struct.Struct("<26sHH")  # of a file; the lengths of its name and of its extra field
_UNIX = 3
_MODE = 0o100644 << 16  # a regular file, readable by all


class Create(Protocol):
    """Opens a new file by its relative POSIX path, to be closed before the next is opened.

    Of several with one path the last counts. `size`, in bytes, need not be exact, but a file may
    only pass 2 GiB if it says so.
    """

    def __call__(self, name: str, size: int = 0) -> IO[bytes]:
        """The file, open for writing."""


@contextmanager
def writing_raw_files(folder: Path) -> Iterator[Create]:
    """Yield a function that writes raw files; the zip depends only on them and their order.

    The folder is empty; on failure the caller removes it.

    Raises:
        OSError: the disk is full or read-only, also when a file is written or closed.
    """
    with zipfile.ZipFile(folder / FILES, "w", zipfile.ZIP_STORED) as archive:

        def create(name: str, size: int = 0) -> IO[bytes]:
            archive.NameToInfo.pop(name, None)
            info = zipfile.ZipInfo(name)  # dated 1980-01-01
            info.create_system, info.external_attr, info.file_size = _UNIX, _MODE, size
            return archive.open(info, "w")

        yield create
        # The directory names each file once, so replaced files are never read.
        archive.filelist = list(archive.NameToInfo.values())
        archive.comment = _digest(archive.filelist)


def _digest(files: list[zipfile.ZipInfo]) -> bytes:
    """Hash of the zip's directory, because `zipfile` misses some damage in it."""
    digest = hashlib.sha256()
    for info in files:
        place = (info.header_offset, info.file_size, info.CRC)
        digest.update(f"{info.filename} {place}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest().encode()


@dataclass(frozen=True, slots=True)
class RawPlace:
    """Where a raw file is in the zip, so that its reader need not read the zip's directory."""

    header: int  # offset of the file's own header, in bytes
    size: int  # bytes
    checksum: int  # CRC-32


class RawFiles:
    """The raw files, open for reading; several threads may read at once."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        """The zip, and where it is, for the messages."""
        self._archive, self._path, self._turn = archive, path, threading.Lock()

    def names(self) -> list[str]:
        """Relative POSIX paths, sorted."""
        return sorted(self._archive.namelist())

    def place(self, name: str) -> RawPlace:
        """Where a file is, for `read_raw_file`."""
        info = self._archive.getinfo(name)
        return RawPlace(info.header_offset, info.file_size, info.CRC)

    def read(self, name: str) -> bytes:
        """One file's bytes, checked against their checksum; BakeoffError if the zip is damaged."""
        # Before Python 3.12.9 and 3.13.2 two threads could change each other's file position.
        with _damage_reported(self._path), self._turn:
            return self._archive.read(name)


@contextmanager
def reading_raw_files(folder: Path) -> Iterator[RawFiles]:
    """Yield the files that `writing_raw_files` wrote into `folder`.

    Raises:
        BakeoffError: the zip is missing or damaged.
    """
    path = folder / FILES
    with _damage_reported(path):
        archive = zipfile.ZipFile(path)
        if _digest(archive.filelist) != archive.comment:
            archive.close()
            raise zipfile.BadZipFile("its directory is damaged")
    with archive:
        yield RawFiles(archive, path)


def read_raw_file(folder: Path, place: RawPlace) -> bytes:
    """One file's bytes, checked against their checksum; each call opens the zip.

    Raises:
        BakeoffError: the zip is damaged.
    """
    path = folder / FILES
    with _damage_reported(path), path.open("rb") as stream:
        stream.seek(place.header)
        header = stream.read(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(b"PK\3\4"):
            raise zipfile.BadZipFile(f"no file begins at byte {place.header}")
        _, name, extra = _HEADER.unpack(header)
        stream.seek(name + extra, os.SEEK_CUR)
        content = stream.read(place.size)
        if zlib.crc32(content) != place.checksum or len(content) != place.size:
            raise zipfile.BadZipFile(f"bad CRC-32 of the file at byte {place.header}")
        return content


@contextmanager
def _damage_reported(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, *DAMAGE) as error:
        raise BakeoffError(
            f"{path}: cannot be read ({str(error)[:200]}); `dvc checkout --force {path.parent}` "
            "restores it, `dvc repro --force ingest` makes it again"
        ) from None


@dataclass(frozen=True)
class LeftOut:
    """A member that was left out, and why."""

    path: str
    detail: str


def write_left_out(path: Path, left_out: list[LeftOut]) -> None:
    """Write the members that were left out, as CSV."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["path", "detail"])
        writer.writerows((item.path, item.detail) for item in left_out)


def read_left_out(path: Path) -> list[LeftOut]:
    """Read the file of `write_left_out`; empty if it does not exist."""
    if not path.exists():
        return []
    table = read_csv(path, all_text=True)
    return [LeftOut(*row) for row in zip(table["path"], table["detail"], strict=True)]
