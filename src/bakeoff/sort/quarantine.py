"""Quarantine: files that are not used, the reasons, and the limit."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bakeoff.ingest.containers import kind_of_file
from bakeoff.pictures.picture_error import Reason
from bakeoff.runtime.errors import BakeoffError, quoted
from bakeoff.sort.labelled_file import TABLE
from bakeoff.sort.sampling import UNSAMPLED

# Not counted: system files, the table, members outside `keep`, unsampled pictures.
UNCOUNTED: Reason = "left out"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A file (or a table's row) that is not used, and why."""

    path: str
    reason: Reason
    detail: str
    label: str = ""  # of a file that was refused for its content


def stop_at(
    limit: float, refused: list[Quarantined], spoiled: list[Quarantined], examined: int, where: Path
) -> None:
    """Stop above a share of quarantined files; with a sample, its share is used.

    `limit` is a share, 0 to 1; files in `refused` were never decoded.

    Raises:
        BakeoffError: the share is greater.
    """
    by_name = [item for item in refused if item.reason not in (UNCOUNTED, "no picture")]
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
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    rows = [item for item in refused if item.reason == "no picture"]
    first = min(rows or by_name + by_sight, key=lambda item: item.path)
    remedy = _remedy(counts.most_common(1)[0][0], by_name + by_sight, where)
    unmatched = f", {len(rows)} rows without a picture" if rows else ""
    raise BakeoffError(
        f"{where}: {share:.0%} of the files would be quarantined ({reasons}{unmatched}; the first "
        "is "
        f"'{quoted(first.path)}': {quoted(first.detail or first.reason, 240)}), over "
        f"'sort.max_quarantined' {limit:.0%} in params.yaml; {remedy}"
        f"{hint_at_others(by_name + by_sight + refused)}"
    )


def _remedy(reason: Reason, items: list[Quarantined], where: Path) -> str:
    """The remedy for the most frequent reason."""
    numbers = [
        [int(n) for n in re.findall(r"\d+", item.detail)] for item in items if item.reason == reason
    ]
    if reason == "too small":
        return f"set 'sort.min_side: {min(min(n[:2]) for n in numbers)}' there to use them"
    if reason == "too many pixels":
        most = max(n[0] * n[1] if len(n) == 3 else n[0] for n in numbers)
        return f"set 'sort.max_pixels: {most}' there to use them"
    if reason in ("unknown class", "ambiguous class"):
        return f"correct {where}, or raise that limit"
    if reason == "conflicting labels":
        return "correct the labels of identical pictures, or raise that limit"
    return "repair or remove these files, or raise that limit"


def hint_at_others(items: Iterable[Quarantined]) -> str:
    """What `what_else` says of files that are not used; a table that is used is none of them."""
    return what_else(item.path for item in items if item.detail != TABLE)


def what_else(paths: Iterable[str]) -> str:
    """The most frequent kind of data file that is not a picture, as the end of a message."""
    found: dict[str, list[str]] = {}
    for path in paths:
        if kind := kind_of_file(path):
            found.setdefault(kind, []).append(path)
    if not found:
        return ""
    kind, names = max(found.items(), key=lambda pair: len(pair[1]))
    shown = ", ".join(f"'{quoted(name)}'" for name in names[:3])
    return f" ({shown}: each is {kind})" if len(names) > 1 else f" ({shown} is {kind})"


def quarantine_table(items: list[Quarantined]) -> pd.DataFrame:
    """`path`, `reason` and `detail`, sorted by path."""
    rows = sorted({(item.path, item.reason, item.detail) for item in items})
    return pd.DataFrame(rows, columns=["path", "reason", "detail"])
