"""The members of a zip, a tar or a folder, read one after another as streams."""

import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from bakeoff.runtime.errors import BakeoffError

Kind = Literal["file", "folder", "a link", "a device file", "encrypted"]


# Exceptions of the decoders on damaged data.
DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    RuntimeError,
)


@dataclass(frozen=True)
class Member:
    """One entry of an archive."""

    name: str  # as the archive has it
    kind: Kind  # type of the entry; only files and folders are accepted
    size: int  # bytes, as the archive says
    # yields its bytes as a stream; the stream must be read before the next member
    open: Callable[[], IO[bytes]]


class _StrictTarInfo(tarfile.TarInfo):
    """Raises an error for a damaged header, which `tarfile` treats as the archive's end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> "_StrictTarInfo":
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from None


def _tar_members(path: Path) -> Iterator[Member]:
    with tarfile.open(path, "r:*", tarinfo=_StrictTarInfo) as tar:
        while (info := tar.next()) is not None:
            yield Member(info.name, _tar_kind(info), info.size, partial(_tar_stream, tar, info))
            # About a kilobyte per member, not needed any more.
            tar.members.clear()  # type: ignore[attr-defined]


def _tar_stream(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = tar.extractfile(info)
    if stream is None:
        raise tarfile.ReadError(f"{info.name} has no bytes")
    return stream


def _tar_kind(info: tarfile.TarInfo) -> Kind:
    if info.isdir():
        return "folder"
    if info.issym() or info.islnk():
        return "a link"
    return "file" if info.isreg() else "a device file"


def _zip_members(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            stream = partial(archive.open, info)
            yield Member(_zip_name(info), _zip_kind(info), info.file_size, stream)


def _zip_name(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 0x800:
        return info.filename
    # macOS and Linux write UTF-8 without the flag that says so.
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _zip_kind(info: zipfile.ZipInfo) -> Kind:
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        return "a link"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a device file"
    if info.is_dir() or info.filename.endswith("\\"):
        return "folder"
    return "encrypted" if info.flag_bits & 0x1 else "file"


def _folder_members(path: Path, follow_links: bool) -> Iterator[Member]:
    seen = {path.resolve()}
    for folder, folders, files in os.walk(path, onerror=_raise, followlinks=follow_links):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        if follow_links:
            # A folder that is linked twice is read once; a link to a parent folder would never end.
            targets = {name: (here / name).resolve() for name in links}
            folders[:] = [n for n in folders if n not in links or targets[n] not in seen]
            seen |= set(targets.values())
            links = []
        folders.sort()
        for name in sorted(files + links):
            file = here / name
            status = file.stat() if follow_links and file.exists() else file.lstat()
            kind = _folder_kind(status.st_mode)
            stream = partial(_file_stream, file)
            yield Member(file.relative_to(path).as_posix(), kind, status.st_size, stream)


def _raise(error: OSError) -> None:
    # By default `os.walk` skips a folder that it may not read.
    raise error


def _file_stream(file: Path) -> IO[bytes]:
    return file.open("rb")


def _folder_kind(mode: int) -> Kind:
    if stat.S_ISLNK(mode):
        return "a link"
    return "file" if stat.S_ISREG(mode) else "a device file"


def members(archive: Path, *, follow_links: bool = False) -> Iterator[Member]:
    """The entries of a zip, a tar (plain, gz, bz2, xz) or a folder, in its own order.

    Raises:
        BakeoffError: the file is none of these, or is damaged.
    """
    if archive.is_dir():
        return _folder_members(archive, follow_links)
    with archive.open("rb") as stream:
        magic = stream.read(8)
    if kind := kind_of_file(archive.name, magic or b"\0"):
        raise BakeoffError(f"{archive}: {kind}")
    if magic[:4] in (b"PK\3\4", b"PK\5\6") or (
        not tarfile.is_tarfile(archive) and zipfile.is_zipfile(archive)
    ):
        return _zip_members(archive)
    if tarfile.is_tarfile(archive):
        return _tar_members(archive)
    raise BakeoffError(
        f"{archive}: neither a whole zip, a whole tar (plain, gz, bz2, xz) nor a folder; "
        "give its folder if it is a picture, otherwise get it again or repack it"
    )


_ARRAYS = "arrays of numbers; set 'kind: arrays' and name them with 'images' and 'labels'"
_TABLE = "a table, not an archive; set 'archive' to its folder and 'table' to its name"
_REPACK = "not unpacked here; unpack it and set 'archive' to the folder"
_OTHERS = {
    **dict.fromkeys((".npy", ".npz", ".h5", ".hdf5", ".he5", ".hdf", ".mat"), _ARRAYS),
    **dict.fromkeys((".csv", ".tsv", ".jsonl"), _TABLE),
    ".xlsx": "a spreadsheet; run `uv sync --inexact --extra readers`, or save it as CSV (UTF-8)",
    **dict.fromkeys((".xls", ".ods"), "a spreadsheet; save it as CSV (UTF-8)"),
    **dict.fromkeys((".rar", ".7z", ".zst"), _REPACK),
    **dict.fromkeys((".parquet", ".arrow", ".tfrecord"), "not read here; export its pictures"),
}
_INNER = "an archive; name it under 'inner_archives' to unpack it in its place"
_ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")


def is_archive(name: str) -> bool:
    """Whether a name is that of an archive, not of a single compressed file."""
    path = PurePosixPath(name.lower())
    packed_table = path.suffixes[-2:-1] in ([".csv"], [".tsv"], [".jsonl"])
    return path.name.endswith(_ARCHIVES) and not packed_table


def kind_of_file(name: str, magic: bytes = b"") -> str | None:
    """The kind of a data file that is not a picture, and the remedy; None if unknown.

    Array formats are recognised by the first bytes `magic`, too.
    """
    low = PurePosixPath(name.lower()).name
    if magic.startswith((b"\x93NUMPY", b"\x89HDF")) or low.endswith(("-ubyte", "-ubyte.gz")):
        return _ARRAYS
    if not magic and is_archive(low):
        return _INNER
    return _OTHERS.get(PurePosixPath(low).suffix)


@contextmanager
def damage_reported(archive: Path) -> Iterator[None]:
    """Turn the errors of a damaged archive into one sentence."""
    try:
        yield
    except BakeoffError:
        raise
    except NotImplementedError as error:
        raise BakeoffError(
            f"{archive}: packed in a way not known here ({error}); repack it as zip or tar"
        ) from None
    except OSError as error:
        if error.errno is not None:  # the disk, not the archive
            raise BakeoffError(
                f"{archive}: cannot be unpacked ({error}); correct that and run again"
            ) from None
        raise _damaged(archive, error) from None
    except DAMAGE as error:
        raise _damaged(archive, error) from None


def _damaged(archive: Path, error: Exception) -> BakeoffError:
    # A decoder's message may quote much of the damaged data.
    return BakeoffError(f"{archive}: damaged ({str(error)[:200]}); get it again")
