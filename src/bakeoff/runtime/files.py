"""Atomic writing of files and folders.

Temporary names end in `.partial` and hold the machine and the process: two writers of one path do
not collide, and the leftovers of a killed writer are removed by the next one.
"""

import errno
import hashlib
import itertools
import json
import os
import platform
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

_CHUNK = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MOST_BYTES = 120  # of a name; file systems take 255, with all that is added
_HOST = re.sub(r"[^A-Za-z0-9-]", "-", platform.node())[:40]
_OWN_PARTIAL = re.compile(r"(?P<host>[A-Za-z0-9-]*)\.(?P<process>\d+)-\d+\.partial")
_attempts = itertools.count()

replaced: list[Path] = []
"""What this process has put in its place, in order."""


def _partial(path: Path) -> Path:
    """A temporary sibling's name, of this process and attempt; dead writers' are removed."""
    start = f".{_short(path.name)}."
    _sweep(path.parent, start)
    return path.with_name(f"{start}{_HOST}.{os.getpid()}-{next(_attempts)}.partial")


def _short(name: str) -> str:
    long = len(name.encode("utf-8", "surrogateescape")) > _MOST_BYTES
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest() if long else name


def _sweep(folder: Path, start: str) -> None:
    """Remove what processes of this machine that are gone have left under `start`."""
    for left in list(folder.iterdir()) if folder.is_dir() else []:
        ours = left.name.startswith(start)
        found = _OWN_PARTIAL.fullmatch(left.name.removeprefix(start)) if ours else None
        if found and found["host"] == _HOST and _is_gone(int(found["process"])):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(True)


def _is_gone(process: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet writes no more, either."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name `path` in a full disk's error: the system names no file when a write fails."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def writing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path`, renamed to it on success, removed on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    try:
        with _naming(path):
            yield partial
        partial.replace(path)
        replaced.append(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of a file of a shard, renamed to it on success.

    Two runs of one shard may write at once, on two machines; the file is whole at any time. The
    leftovers of a killed run are removed by `remove_leftovers`.
    """
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        with _naming(path):
            yield partial
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove what killed runs of `replacing_file` left in a folder and in the folders below."""
    for left in folder.rglob(".*.partial"):
        left.unlink(missing_ok=True)


@contextmanager
def writing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary sibling folder that replaces `path` on success.

    On failure the temporary folder is removed and `path` is left as it was. The old folder is
    renamed before it is removed, so that a process killed meanwhile leaves no half of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, old = _partial(path), _partial(path)
    partial.mkdir()
    try:
        with _naming(path):
            yield partial
        if path.exists():
            path.replace(old)
        partial.replace(path)
        replaced.append(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends, atomically."""
    with writing_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys; NaN raises an error."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def sha256_of_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes, read in blocks of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_folder(folder: Path) -> str:
    """Hexadecimal SHA-256 over the sorted relative paths and contents of a folder's files."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_of_file(path)}\n".encode())
    return digest.hexdigest()
