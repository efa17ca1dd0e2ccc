"""Facts about a raw file before it is opened."""

from dataclasses import dataclass

from bakeoff.pictures.decoding import Reason


@dataclass(frozen=True, slots=True)
class Found:
    """Class, group and side of a raw file, from its name or a table.

    Attributes:
        path: of the raw file, relative, POSIX.
        label: class; "" if there is a `reason`.
        group: pictures of one group stay on one side; "" without a group.
        official: the archive's own side: `train`, `val`, `test` or "".
        reason: why the file cannot be used, or None.
        detail: further details of the reason.
    """

    path: str
    label: str = ""
    group: str = ""
    official: str = ""
    reason: Reason | None = None
    detail: str = ""
