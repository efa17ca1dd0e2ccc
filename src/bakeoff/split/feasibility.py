"""Refuse a split that cannot be made, with what would make it possible."""

from collections.abc import Collection

import pandas as pd

from bakeoff.runtime.errors import BakeoffError, quoted, yaml_list
from bakeoff.runtime.tables import SIDES
from bakeoff.split.duplicates import find_duplicates


def joined_groups(
    rows: pd.DataFrame, official: "pd.Series[bool] | None", bits: int | None
) -> "pd.Series[str]":
    """The joined groups; an official test side is fixed and is not joined with the others."""
    if official is None:
        return find_duplicates(rows, bits).groups
    test = official.loc[rows.index]
    return pd.concat([find_duplicates(part, bits).groups for part in (rows[~test], rows[test])])


def check_groups(
    rows: pd.DataFrame,
    groups: "pd.Series[str]",
    official: "pd.Series[bool] | None",
    bits: int | None,
) -> None:
    """Refuse a class with too few groups for all sides."""
    free = rows.index if official is None else rows.index[~official]
    needed = 3 if official is None else 2
    per_class = _groups_by_class(rows, groups.loc[free])
    pictures = rows.loc[free, "label"].value_counts()
    everything = rows["label"].value_counts()
    labels = list(per_class.index)
    small = [label for label in labels if per_class[label] < needed]
    if not small:
        return
    shown = ", ".join(
        f"'{quoted(label, 40)}' has {per_class[label]} "
        f"({(n := int(pictures.get(label, 0)))} picture{'s' * (n != 1)})"
        for label in small[:5]
    )
    more = f" and {len(small) - 5} more" if len(small) > 5 else ""
    apart = joined_groups(rows.drop(columns="likeness", errors="ignore"), official, None)
    helps = bits is not None and _groups_by_class(rows, apart.loc[free]).min() >= needed
    joined = ", set 'split.near_duplicates' to null" if helps else ""
    raise BakeoffError(
        f"params.yaml: 'split' needs {needed} groups of every class, and {len(small)} of "
        f"{len(labels)} classes have fewer: {shown}{more}; add pictures of other patients or "
        f"objects{joined}{_without(small, everything)}"
    )


def _groups_by_class(rows: pd.DataFrame, groups: "pd.Series[str]") -> "pd.Series[int]":
    """The number of groups of each class, sorted by class."""
    counts = groups.groupby(rows["label"]).nunique()
    return counts.reindex(sorted(rows["label"].unique()), fill_value=0)


def leave_out(label: str, labels: Collection[str]) -> str:
    """The end of a message that advises to leave a class out, where two others remain."""
    if len(labels) < 3:
        return ""
    key = f"leave_out_labels: {yaml_list([label])}"
    return f', or leave the class out with "{key}" in the data set\'s file'


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
        ways.append(f'"leave_out_labels: {yaml_list(small)}" in the data set\'s file')
    return f", or leave them out with {' or '.join(ways)}" if ways else ""


def check_official(rows: pd.DataFrame, official: "pd.Series[bool]") -> None:
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
            f" no picture of class '{quoted(missing[0], 40)}': set it to false"
            f"{leave_out(missing[0], rows['label'].unique())}"
        )


def check_every_side(kept: pd.DataFrame) -> None:
    """Refuse a stable split in which a class misses a side."""
    counts = pd.crosstab(kept["label"], kept["side"]).reindex(columns=list(SIDES), fill_value=0)
    for label, row in counts.iterrows():
        for side in SIDES:
            if row[side] == 0:
                raise BakeoffError(
                    f"params.yaml: with 'split.stable' no group of class '{quoted(label, 40)}' "
                    f"hashes to {side}: add pictures, change 'seed' or set 'split.stable' to false"
                )
