"""Facts about a raw file before it is opened."""

from dataclasses import dataclass

from bakeoff.pictures.picture_error import Reason

TABLE = "the table"
"""The `detail` of a file that is the table itself."""


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """Class, group and side of a raw file, from its name or a table."""

    path: str  # of the raw file, relative, POSIX
    label: str = ""  # class; "" if there is a `reason`
    group: str = ""  # pictures of one group stay on one side; "" without a group
    official: str = ""  # the archive's own side: `train`, `val`, `test` or ""
    reason: Reason | None = None  # why the file cannot be used, or None
    detail: str = ""  # further details of the reason
