"""Split a manifest into train, val and test, stratified by class and by whole groups."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bakeoff.params.data import SplitParams
from bakeoff.runtime.errors import BakeoffError, quoted
from bakeoff.runtime.tables import SIDES
from bakeoff.split.dealing import NoDealError, deal
from bakeoff.split.duplicates import Duplicates, find_duplicates, group_keys, twins


@dataclass(frozen=True)
class Split:
    """A manifest dealt to sides."""

    # the manifest's rows on a side, with a `side` column and the joined `group`; sorted by side and
    # path
    pictures: pd.DataFrame
    # rows that a stable split cannot keep (their duplicate hashed to another side), with the `side`
    # they were taken from
    left_out: pd.DataFrame
    duplicates: Duplicates  # the duplicates of the whole manifest
    joined: "pd.Series[str]"  # the joined group of each path over the whole manifest, for all sides
    asked: dict[str, float]  # the requested fraction of each side
    official_test: bool  # whether the test side is the archive's own


def split_manifest(manifest: pd.DataFrame, params: SplitParams, seed: int) -> Split:
    """Deal the pictures to sides; no group, duplicate or patient is on two of them.

    The result depends on the manifest's content, not on the order of its rows.

    Raises:
        BakeoffError: a class has too few groups, or there is no official test side.
    """
    rows = manifest.sort_values("path", ignore_index=True)
    bits = params.near_duplicates
    asked = {side: float(getattr(params.fractions, side)) for side in SIDES}
    official = rows["official"].eq("test") if params.official_test else None
    if official is not None:
        _check_official(rows, official)
    duplicates = find_duplicates(rows, bits)
    groups = duplicates.groups if official is None else _joined(rows, official, bits)
    _check_groups(rows, groups, official)
    if params.stable:
        side = _stable_sides(rows, official, asked, seed)
        left_out = _overruled(rows, side, bits, official)
    else:
        side = _stratified_sides(rows, groups, official, asked, seed)
        left_out = pd.Series(False, index=rows.index)
    rows = rows.assign(side=side)
    kept = rows[~left_out]
    if left_out.any():
        # Without the pictures that are left out, groups separate into unconnected parts.
        groups = _joined(kept, official, bits)
    kept = kept.assign(group=groups.loc[kept.index])
    _check_every_side(kept)
    order = kept["side"].map(SIDES.index)
    kept = kept.assign(_order=order).sort_values(["_order", "path"], ignore_index=True)
    return Split(
        kept.drop(columns="_order"),
        rows[left_out].reset_index(drop=True),
        duplicates,
        duplicates.groups.set_axis(rows["path"]),
        asked,
        params.official_test,
    )


def _joined(
    rows: pd.DataFrame, official: "pd.Series[bool] | None", bits: int | None
) -> "pd.Series[str]":
    """The joined groups; an official test side is fixed and is not joined with the others."""
    if official is None:
        return find_duplicates(rows, bits).groups
    test = official.loc[rows.index]
    return pd.concat([find_duplicates(part, bits).groups for part in (rows[~test], rows[test])])


def hash64(seed: int, key: str) -> int:
    """A number below 2**64 that depends on the seed and the key alone, on any machine.

    Examples:
        >>> hash64(20, "patient 7") == hash64(20, "patient 7") != hash64(21, "patient 7")
        True
    """
    return int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:8], "big")


def _stratified_sides(
    rows: pd.DataFrame,
    groups: "pd.Series[str]",
    official: "pd.Series[bool] | None",
    asked: dict[str, float],
    seed: int,
) -> "pd.Series[str]":
    """Deal whole groups by class; the official test pictures, if kept, are fixed."""
    side = pd.Series("test", index=rows.index, dtype=object)
    free = rows.index if official is None else rows.index[~official]
    names = list(SIDES if official is None else SIDES[:2])
    fractions = np.array([asked[name] for name in names])
    counts = pd.crosstab(groups.loc[free], rows.loc[free, "label"])
    counts = counts.loc[sorted(counts.index, key=lambda group: (hash64(seed, group), group))]
    try:
        dealt = deal(counts.to_numpy(np.int64), fractions / fractions.sum())
    except NoDealError as refusal:
        label = counts.columns[refusal.class_index]
        raise BakeoffError(
            f"params.yaml: 'split' cannot put class '{label}' on every side, because its groups"
            " also hold pictures that other classes need elsewhere; add pictures of it, or leave"
            f" the class out with \"leave_out_labels: ['{label}']\" in the data set's file"
        ) from None
    by_group = dict(zip(counts.index, (names[number] for number in dealt), strict=True))
    side.loc[free] = groups.loc[free].map(by_group)
    return side


def _stable_sides(
    rows: pd.DataFrame, official: "pd.Series[bool] | None", asked: dict[str, float], seed: int
) -> "pd.Series[str]":
    """Each picture's side from the hash of its own key, independent of other pictures."""
    names = list(SIDES if official is None else SIDES[:2])
    bounds = np.cumsum([asked[name] for name in names])
    keys = group_keys(rows)
    units = {key: hash64(seed, key) / 2**64 * bounds[-1] for key in keys.unique()}
    number = np.searchsorted(bounds[:-1], keys.map(units).to_numpy(float), side="right")
    side = pd.Series([names[i] for i in number], index=rows.index, dtype=object)
    return side if official is None else side.mask(official, "test")


def _overruled(
    rows: pd.DataFrame, side: "pd.Series[str]", bits: int | None, official: "pd.Series[bool] | None"
) -> "pd.Series[bool]":
    """Pictures that a stable split leaves out, because a duplicate is on a stricter side.

    Joining groups would move old pictures when a new duplicate arrives. Therefore no group moves:
    of two duplicates on different sides the one in test, then the one in val, stays. With the
    archive's own test side, duplicates across to it are kept and reported.
    """
    rank = side.map(SIDES.index)
    overruled = pd.Series(False, index=rows.index)
    for strict in ("val",) if official is not None else ("test", "val"):
        below = rows[(rank < SIDES.index(strict)) & ~overruled]
        here = rows[(rank == SIDES.index(strict)) & ~overruled]
        exact, near = twins(below, here, bits)
        overruled.loc[below.index[exact | near]] = True
    return overruled


def _check_groups(
    rows: pd.DataFrame, groups: "pd.Series[str]", official: "pd.Series[bool] | None"
) -> None:
    """Refuse a class with too few groups for all sides."""
    free = rows.index if official is None else rows.index[~official]
    needed = 3 if official is None else 2
    per_class = groups.loc[free].groupby(rows["label"]).nunique()
    pictures = rows.loc[free, "label"].value_counts()
    everything = rows["label"].value_counts()
    labels = sorted(rows["label"].unique())
    small = [label for label in labels if per_class.get(label, 0) < needed]
    if not small:
        return
    shown = ", ".join(
        f"'{quoted(label, 40)}' has {per_class.get(label, 0)} "
        f"({_plural(int(pictures.get(label, 0)), 'picture')})"
        for label in small[:5]
    )
    more = f" and {len(small) - 5} more" if len(small) > 5 else ""
    raise BakeoffError(
        f"params.yaml: 'split' needs {needed} groups of every class, and {len(small)} of "
        f"{len(labels)} classes have fewer: {shown}{more}; add pictures of other patients or "
        f"objects, lower 'split.near_duplicates'{_without(small, everything)}"
    )


def _without(small: list[str], counts: "pd.Series[int]") -> str:
    """The keys that leave out the too small classes, for the end of a message."""
    ways = []
    least = int(counts[small].max()) + 1
    if (counts >= least).sum() >= 2:
        ways.append(f"'sort.min_pictures: {least}'")
    # The order of `limit_classes`, which counts names, including a few that were not pictures.
    ranked = sorted(counts.index, key=lambda label: (-counts[label], label))
    enough = next(place for place, label in enumerate(ranked) if label in small)
    if enough >= 2:
        ways.append(f"'sort.limit_classes: {enough}'")
    if len(small) <= 5 and len(counts) - len(small) >= 2:
        ways.append(f'"leave_out_labels: {small}" in the data set\'s file')
    return f", or leave them out with {' or '.join(ways)}" if ways else ""


def _check_official(rows: pd.DataFrame, official: "pd.Series[bool]") -> None:
    """Refuse `official_test` if the archive has no test side, or none for a class."""
    if not official.any():
        raise BakeoffError(
            "params.yaml: 'split.official_test' is true, but no picture is in the archive's"
            " own test folder: name it with \"official: {test: '*/test/*'}\" (or 'split_column') in"
            " the data set's file, or set 'split.official_test' to false"
        )
    missing = sorted(set(rows["label"]) - set(rows.loc[official, "label"]))
    if missing:
        raise BakeoffError(
            f"params.yaml: 'split.official_test' is true, but the archive's own test folder holds"
            f" no picture of class '{quoted(missing[0], 40)}': set it to false, or leave the class"
            f" out with \"leave_out_labels: ['{missing[0]}']\" in the data set's file"
        )


def _check_every_side(kept: pd.DataFrame) -> None:
    """Refuse a stable split in which a class misses a side."""
    counts = pd.crosstab(kept["label"], kept["side"]).reindex(columns=list(SIDES), fill_value=0)
    for label, row in counts.iterrows():
        for side in SIDES:
            if row[side] == 0:
                raise BakeoffError(
                    f"params.yaml: with 'split.stable' no group of class '{label}' hashes to"
                    f" {side}: add pictures, change 'seed' or set 'split.stable' to false"
                )


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
