"""Census of the sorted pictures: counts, sizes, modes and brightness per class."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.runtime.files import write_json
from bakeoff.runtime.tables import SIDES, write_table

QUANTILES = {
    "least": 0.0, "low": 0.05, "lower_quartile": 0.25, "median": 0.5,
    "upper_quartile": 0.75, "high": 0.95, "greatest": 1.0,
}  # fmt: skip
FACTS = ("width", "height", "aspect_ratio", "megapixels", "bytes", "brightness")


def write_census(
    folder: Path,
    pictures: pd.DataFrame,
    quarantine: pd.DataFrame,
) -> None:
    """Write the census as JSON and CSV.

    The manifest has a column `brightness` (0 to 255).
    """
    pictures = pictures.assign(
        aspect_ratio=pictures["width"] / pictures["height"],
        megapixels=pictures["width"] * pictures["height"] / 1e6,
    )
    counts, facts, modes = count_classes(pictures), summarise(pictures), count_modes(pictures)
    reasons = quarantine.groupby("reason").size().rename("files").reset_index()
    write_json(folder / "census.json", summary(pictures, reasons))
    tables = {"counts": counts, "facts": facts, "modes": modes, "quarantine": reasons}
    tables["sizes"] = pictures.groupby(["width", "height"]).size().rename("pictures").reset_index()
    for name, table in tables.items():
        write_table(table, folder / f"{name}.csv", digits=6)


def summary(pictures: pd.DataFrame, reasons: pd.DataFrame) -> dict[str, Any]:
    """The census in numbers, for `dvc metrics`.

    Returns:
        `pictures`, `classes`, `groups`, `exact_duplicates` (pictures whose pixels an earlier one
        has), `imbalance` (`largest_over_smallest`, and `entropy` of the class shares over that
        of equal classes, 1 when balanced), `quarantine` (files by reason), and the quantiles of
        each fact.
    """
    counts = pictures["label"].value_counts()
    shares = counts / counts.sum()
    return {
        "pictures": len(pictures),
        "classes": len(counts),
        "groups": _count_groups(pictures),
        "exact_duplicates": int(pictures["image_id"].duplicated().sum()),
        "imbalance": {
            "largest_over_smallest": round(float(counts.max() / counts.min()), 6),
            "entropy": round(float(-(shares * np.log(shares)).sum() / np.log(len(counts))), 6),
        },
        "quarantine": dict(
            zip(reasons["reason"], reasons["files"].astype(int).tolist(), strict=True)
        ),
        "facts": {
            fact: {
                name: float(f"{pictures[fact].quantile(q):.6g}") for name, q in QUANTILES.items()
            }
            for fact in FACTS
        },
    }


def _count_groups(pictures: pd.DataFrame) -> int:
    """Distinct groups; a picture without one counts as its own."""
    lone = pictures["group"] == ""
    return int(pictures.loc[~lone, "group"].nunique() + lone.sum())


def count_classes(pictures: pd.DataFrame) -> pd.DataFrame:
    """`label`, `pictures`, `share`, `groups`, `exact_duplicates`, and the archive's own sides."""
    rows = []
    for label, own in pictures.groupby("label"):
        sides = {side: int((own["official"] == side).sum()) for side in SIDES}
        rows.append(
            {
                "label": label,
                "pictures": len(own),
                "share": len(own) / len(pictures),
                "groups": _count_groups(own),
                "exact_duplicates": int(own["image_id"].duplicated().sum()),
                **{f"official_{side}": count for side, count in sides.items()},
            }
        )
    return pd.DataFrame(rows)


def summarise(pictures: pd.DataFrame) -> pd.DataFrame:
    """Quantiles of each fact by class: `label`, `fact`, `least`, `low`, `median`, …."""
    rows = [
        {
            "label": label,
            "fact": fact,
            **{name: float(own[fact].quantile(q)) for name, q in QUANTILES.items()},
        }
        for label, own in pictures.groupby("label")
        for fact in FACTS
    ]
    return pd.DataFrame(rows)


def count_modes(pictures: pd.DataFrame) -> pd.DataFrame:
    """`label`, `mode` (the files' own), `pictures`."""
    return pictures.groupby(["label", "mode"]).size().rename("pictures").reset_index()
