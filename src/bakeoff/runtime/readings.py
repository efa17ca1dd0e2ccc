"""Inputs that a person may edit while a stage runs; they are compared again when it ends.

DVC records parameters and files after a stage has run, but the stage reads them before. Without
this check, DVC would record an edit in between as the value that the outputs were made from.
"""

from collections.abc import Callable
from pathlib import Path

from bakeoff.runtime.files import sha256_of_file

_noted: dict[str, Callable[[], bool]] = {}


def note_reading(what: str, unchanged: Callable[[], bool]) -> None:
    """Note that `what` was read; `unchanged` tells whether it still has the same value."""
    _noted.setdefault(what, unchanged)


def note_file(path: Path) -> None:
    """Note the bytes of a file that a stage depends on as a whole."""
    before = sha256_of_file(path)
    note_reading(path.as_posix(), lambda: path.is_file() and sha256_of_file(path) == before)


def forget_readings() -> None:
    """Clear all notes."""
    _noted.clear()


def changed_readings() -> list[str]:
    """The inputs whose value has changed since they were read."""
    return [what for what, unchanged in dict(_noted).items() if not unchanged()]
