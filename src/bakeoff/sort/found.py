"""What is known of a raw file before it is opened."""

from dataclasses import dataclass

from bakeoff.pictures.decoding import Reason


@dataclass(frozen=True, slots=True)
class Found:
    """What a raw file's name or a table says of it.

    Attributes:
        path: of the raw file, relative, POSIX.
        label: class; "" where there is a `reason`.
        group: pictures of one group stay on one side; "" where nothing says so.
        official: the archive's own side: `train`, `val`, `test` or "".
        reason: why the file cannot be used, or None.
        detail: more of that.
    """

    path: str
    label: str = ""
    group: str = ""
    official: str = ""
    reason: Reason | None = None
    detail: str = ""
