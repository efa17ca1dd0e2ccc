"""Readings of tables that hold the pixels themselves."""

import math
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from bakeoff.adopt import columns
from bakeoff.adopt.official_sides import side_named
from bakeoff.adopt.table_readings import TextTable
from bakeoff.adopt.tried_reading import Reading
from bakeoff.ingest.member_names import label_folder
from bakeoff.ingest.pixel_tables import pictures_folder
from bakeoff.sort.label_tables import SIDE_NAMES

_LEAST_PIXELS = 64


def pixel_readings(tables: Sequence[TextTable]) -> list[Reading]:
    """The way to read tables of pixels, in a list; empty if there are none."""
    first = next((table for table in tables if _label(table.rows)), None)
    if first is None:
        return []
    alike = [t for t in tables if list(t.rows.columns) == list(first.rows.columns)]
    label, pixels, count = _label(first.rows) or ("", None, 0)
    side = columns.split_column(first.rows)
    names = [table.name for table in alike]
    keys: dict[str, Any] = {
        "kind": "pixels",
        "table": names[0] if len(names) == 1 else names,
        "label_column": label,
        **({"pixels_column": pixels} if pixels else {}),
        **first.keys,
    }
    why = f"'{first.name}' has {count} pixels a row and the label in '{label}'"
    width = math.isqrt(count)
    params = {"sort.min_side": width} if width * width == count and width < 32 else {}
    unpacked = [path for table in alike for path in _unpacked(table, label, side)]
    reading = Reading("a table of pixels", why, keys, {}, params, tuple(unpacked))
    if side:
        reading = reading.with_key("split_column", side, "the archive's own sides")
        values = first.rows[side].str.strip().unique()
        official = {SIDE_NAMES[value.lower()]: f"*/{value}/*" for value in sorted(values)}
    else:
        official = {side_named(t.name): f"*/{_stem(t)}/*" for t in alike if side_named(t.name)}
    return [reading.with_key("official", official)] if len(official) > 1 else [reading]


def _label(rows: pd.DataFrame) -> tuple[str, str | None, int] | None:
    """The column of labels, that of pixels (None: every other column), and their number."""
    sample = columns.spread(rows)
    for column in rows.columns:
        cells = sample[column].str.strip()
        if (
            cells.str.fullmatch(r"[\d\s,;\[\].]+").all()
            and (cells.str.len() > 2 * _LEAST_PIXELS).all()
        ):
            others = columns.label_columns(rows, [str(column), columns.split_column(rows) or ""])
            if others:
                return others[0][0], str(column), len(cells.iloc[0].replace(",", " ").split())
    digits = [c for c in rows.columns if sample[c].str.fullmatch(r"\d{1,3}(\.0*)?").all()]
    named = [c for c in rows.columns if columns.words(str(c))[:1] in (["label"], ["class"], ["y"])]
    if len(digits) > _LEAST_PIXELS and len(digits) >= len(rows.columns) - 1:
        label = str((named or [c for c in rows.columns if c not in digits] or [rows.columns[0]])[0])
        return label, None, len(rows.columns) - 1
    return None


def _stem(table: TextTable) -> str:
    return PurePosixPath(table.name).stem


def _unpacked(table: TextTable, label: str, side: str | None) -> list[str]:
    sides = table.rows[side] if side else [None] * len(table.rows)
    return [
        f"{pictures_folder(_stem(table), own)}/{label_folder(name.strip())}/{number}.png"
        for number, (name, own) in enumerate(zip(table.rows[label], sides, strict=True))
    ]
