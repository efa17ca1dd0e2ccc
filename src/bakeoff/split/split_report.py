"""Report of a split: counts, deviations, duplicates and leakage."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bakeoff.runtime.files import write_json
from bakeoff.runtime.tables import SIDES, write_table
from bakeoff.split.leakage import Audit
from bakeoff.split.splitting import Split

ALL = "all"  # the rows of all classes together
_SUSPICIOUS_SHARE = 0.05

logger = logging.getLogger(__name__)


def count_table(split: Split) -> pd.DataFrame:
    """Pictures and groups of each class on each side, with the requested fraction.

    Returns:
        Columns side, class, count, groups, share (of the class's pictures), asked (the requested
        share), deviation (in pictures), largest_group (its pictures of the class).
    """
    rows = split.pictures
    parts = [(str(label), part) for label, part in rows.groupby("label", sort=True)]
    table = []
    for label, part in [*parts, (ALL, rows)]:
        asked = _asked(part, split)
        largest = int(part["group"].value_counts().max())
        for side in SIDES:
            here = part[part["side"] == side]
            table.append(
                {
                    "side": side,
                    "class": label,
                    "count": len(here),
                    "groups": here["group"].nunique(),
                    "share": len(here) / len(part),
                    "asked": asked[side],
                    "deviation": round(len(here) - len(part) * asked[side], 6),
                    "largest_group": largest,
                }
            )
    return pd.DataFrame(table)


def _asked(part: pd.DataFrame, split: Split) -> dict[str, float]:
    """Requested shares of a class; an official test side counts as requested as it is."""
    if not split.official_test:
        return split.asked
    test = float((part["side"] == "test").mean())
    rest = split.asked["train"] + split.asked["val"]
    return {
        "train": split.asked["train"] / rest * (1 - test),
        "val": split.asked["val"] / rest * (1 - test),
        "test": test,
    }


def summarize(split: Split, counts: pd.DataFrame) -> dict[str, Any]:
    """Groups, duplicates and the largest deviation, for `summary.json`."""
    rows, pairs = split.pictures, split.duplicates.pairs
    exact = rows["image_id"].value_counts()
    members = rows["group"].value_counts()
    largest = rows[rows["group"] == sorted(members[members == members.max()].index)[0]]
    per_class = counts[counts["class"] != ALL]
    worst = per_class.iloc[int(per_class["deviation"].abs().argmax())]
    return {
        "pictures": len(rows),
        "left_out": len(split.left_out),
        "groups": len(members),
        "largest_group": {
            "name": str(largest["group"].iloc[0]),
            "pictures": len(largest),
            "labels": {str(k): int(v) for k, v in largest["label"].value_counts().items()},
        },
        "exact_duplicate_sets": int((exact > 1).sum()),
        "exact_duplicate_pictures": int((exact[exact > 1] - 1).sum()),
        "near_duplicate_pairs": int((pairs["kind"] == "near").sum()),
        "alike_pairs": int((pairs["kind"] == "alike").sum()),
        "pairs_of_two_labels": int((pairs["first_label"] != pairs["second_label"]).sum()),
        "pictures_without_texture": split.duplicates.flat,
        "largest_deviation": {
            "class": str(worst["class"]),
            "side": str(worst["side"]),
            "pictures": float(worst["deviation"]),
        },
    }


def warn_of_chains(split: Split) -> None:
    """Warn if near duplicates chain a large part of the pictures into one group."""
    near = split.duplicates.pairs.query("kind == 'near'")
    members = split.pictures["group"].value_counts()
    name, pictures = members.index[0], int(members.iloc[0])
    share = pictures / len(split.pictures)
    inside = set(split.pictures.loc[split.pictures["group"] == name, "path"])
    chained = int(near["first"].isin(inside).sum())
    if pictures > 2 and share > _SUSPICIOUS_SHARE and chained >= pictures // 2:
        logger.warning(
            "near duplicates joined %d pictures (%.0f%%) into one group: check"
            " reports/split/duplicates.csv, and lower split.near_duplicates if they are different"
            " pictures",
            pictures,
            100 * share,
        )


def write_split_report(split: Split, audit: Audit, folder: Path, folds: Mapping[str, int]) -> None:
    """Write counts.csv, summary.json, leakage.json, duplicates.csv and left_out.csv."""
    counts = count_table(split)
    write_table(counts, folder / "counts.csv")
    write_json(folder / "summary.json", summarize(split, counts))
    write_json(folder / "leakage.json", audit.as_json() | {"folds": dict(folds)})
    write_table(_with_sides(split), folder / "duplicates.csv")
    write_table(split.left_out[["path", "label", "side"]], folder / "left_out.csv")


def _with_sides(split: Split) -> pd.DataFrame:
    """The pairs, with the side of each picture, or "left out"."""
    side = split.pictures.set_index("path")["side"]
    pairs = split.duplicates.pairs.copy()
    for column in ("first", "second"):
        pairs[f"{column}_side"] = pairs[column].map(side).fillna("left out")
    return pairs
