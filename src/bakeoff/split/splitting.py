"""Split a manifest into train, val and test, stratified by class and by whole groups."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bakeoff.params.data import SplitParams
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tables import SIDES
from bakeoff.split.dealing import NoDealError, deal
from bakeoff.split.duplicates import Duplicates, find_duplicates, group_keys, twins
from bakeoff.split.feasibility import (
    check_every_side,
    check_groups,
    check_official,
    joined_groups,
    leave_out,
)


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
        check_official(rows, official)
    duplicates = find_duplicates(rows, bits)
    groups = duplicates.groups if official is None else joined_groups(rows, official, bits)
    check_groups(rows, groups, official, bits)
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
        groups = joined_groups(kept, official, bits)
    kept = kept.assign(group=groups.loc[kept.index])
    check_every_side(kept)
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
            " also hold pictures that other classes need elsewhere; add pictures of it"
            f"{leave_out(label, counts.columns)}"
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
