"""What one check of the installation gives."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    topic: str
    fine: bool
    what: str
    remedy: str = ""
