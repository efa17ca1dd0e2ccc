"""Why a file is no usable picture."""

from typing import Literal

Reason = Literal[
    "not a picture",
    "truncated",
    "zero bytes",
    "too many pixels",
    "too small",
    "animated",
    "unknown value range",
    "unsupported",
    "unknown class",
    "ambiguous class",
    "conflicting labels",
    "no picture",
    "left out",
]


class PictureError(ValueError):
    """A file that is no usable picture: `reason` is one of `Reason`, `detail` says more."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        """Both are shown to the user."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
