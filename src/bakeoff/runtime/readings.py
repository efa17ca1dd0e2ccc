"""What a stage reads that a person may edit meanwhile, compared once more when the stage ends.

DVC notes parameters and files after a stage has run, the stage reads them before: without the
comparison an edit in between would be recorded as the value that the outputs were made from.
"""

from collections.abc import Callable
from pathlib import Path

from bakeoff.runtime.files import sha256_of_file

_noted: dict[str, Callable[[], bool]] = {}


def note_reading(what: str, unchanged: Callable[[], bool]) -> None:
    """Remember that `what` was read; `unchanged` says whether it still has that value."""
    _noted.setdefault(what, unchanged)


def note_file(path: Path) -> None:
    """Remember the bytes of a file that a stage depends on as a whole."""
    before = sha256_of_file(path)
    note_reading(path.as_posix(), lambda: path.is_file() and sha256_of_file(path) == before)


def forget_readings() -> None:
    """Begin with no notes."""
    _noted.clear()


def changed_readings() -> list[str]:
    """What has another value now than when it was read."""
    return [what for what, unchanged in dict(_noted).items() if not unchanged()]
