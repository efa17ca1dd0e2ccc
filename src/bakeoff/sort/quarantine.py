"""Files that are not used: why, and how many are too many."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bakeoff.pictures.decoding import Reason
from bakeoff.runtime.errors import BakeoffError
from bakeoff.sort.sampling import UNSAMPLED

# Not the user's trouble: system litter, the table, members outside `keep`, unsampled pictures.
UNCOUNTED: Reason = "left out"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A file (or a table's row) that is not used, and why."""

    path: str
    reason: Reason
    detail: str


def stop_at(
    limit: float, refused: list[Quarantined], spoiled: list[Quarantined], examined: int, where: Path
) -> None:
    """Stop above a share of quarantined files; that of a sample speaks for the whole.

    Args:
        limit: greatest share, 0 to 1.
        refused: by their name or the table, before any decoding.
        spoiled: by their content.
        examined: number of files decoded.
        where: the data set's file, for the message.

    Raises:
        BakeoffError: the share is greater.
    """
    by_name = [item for item in refused if item.reason != UNCOUNTED]
    by_sight = [item for item in spoiled if item.reason != UNCOUNTED]
    examined -= len(spoiled) - len(by_sight)
    unsampled = sum(item.detail == UNSAMPLED for item in refused)
    total = examined + len(by_name) + unsampled
    share_by_name = len(by_name) / total if total else 0.0
    share_by_sight = len(by_sight) / examined if examined else 0.0
    share = share_by_name + (1 - share_by_name) * share_by_sight
    if share <= limit:
        return
    counts = Counter(item.reason for item in by_name + by_sight)
    told = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    first = min(by_name + by_sight, key=lambda item: item.path)
    raise BakeoffError(
        f"{where}: {share:.0%} of the files would be quarantined ({told}; the first is "
        f"{first.path}: {first.detail or first.reason}), over 'sort.max_quarantined' {limit:.0%} "
        "in params.yaml; mend the data set's file, or raise that"
    )


def quarantine_table(items: list[Quarantined]) -> pd.DataFrame:
    """`path`, `reason` and `detail`, sorted by path."""
    rows = sorted({(item.path, item.reason, item.detail) for item in items})
    return pd.DataFrame(rows, columns=["path", "reason", "detail"])
