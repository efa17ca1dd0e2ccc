"""Readings in which a table names the pictures and their labels."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from bakeoff.adopt import columns
from bakeoff.adopt.left_out import globs_for
from bakeoff.adopt.listing import Listing
from bakeoff.adopt.official_sides import official_of, side_named
from bakeoff.adopt.tried_reading import Reading, try_out
from bakeoff.ingest.table_faults import UnreadableTableError
from bakeoff.ingest.text_tables import read_text_table, reads_excel
from bakeoff.pictures.decoding import SUFFIXES
from bakeoff.runtime.errors import BakeoffError, quoted
from bakeoff.runtime.tables import SIDES

_WHERE = Path("datasets/new.yaml")
_DELIMITERS = (",", ";", "\t", "|", " ")
_LARGEST = 20 << 20  # bytes of a file of text that is no CSV or JSON Lines


@dataclass(frozen=True)
class TextTable:
    """A table as text, and the keys that read it."""

    name: str
    rows: pd.DataFrame
    keys: dict[str, Any]

    @property
    def home(self) -> str:
        """The folder it lies in."""
        return str(PurePosixPath(self.name).parent).removeprefix(".")


def text_tables(listing: Listing) -> list[TextTable]:
    """Every file that can be read as a table of at least two columns and rows."""
    found = []
    for name, content in listing.tables.items():
        with suppress(UnreadableTableError):
            table = _read(name, content)
            if table is not None and table.rows.shape[1] > 1 and len(table.rows) > 1:
                found.append(table)
    return found


def damaged_table(listing: Listing) -> str:
    """The first table that cannot be read, and why, as the start of a sentence; "" if none.

    A file of text (`.txt`) need be no table.
    """
    for name, content in listing.tables.items():
        if name.lower().endswith(".txt"):
            continue
        try:
            _read(name, content)
        except UnreadableTableError as error:
            return f"'{quoted(name)}' cannot be read as a table ({error.reason})"
    return ""


def _read(name: str, content: bytes) -> TextTable | None:
    """A file as a table; None if it is not tried. Raises `UnreadableTableError`."""
    if name.lower().endswith(".txt") and len(content) > _LARGEST:
        return None
    if name.lower().endswith(".xlsx"):
        if not reads_excel():
            return None
        return TextTable(
            name, read_text_table(name, content, columns.description({}), {}, _WHERE), {}
        )
    faults: list[UnreadableTableError] = []
    for encoding in _encodings(content):
        keys: dict[str, Any] = {} if encoding == "utf-8-sig" else {"encoding": encoding}
        first = content[: 1 << 16].decode(encoding, "replace").lstrip("\ufeff").split("\n")
        delimiter = _delimiter(first)
        keys |= {} if delimiter == "," else {"delimiter": delimiter}
        header = first[1] if first[0].startswith("sep=") else first[0]
        wanted = {} if ".json" in name.lower() else _numbers(header.split(delimiter))
        try:
            rows = read_text_table(name, content, columns.description(keys), wanted, _WHERE)
        except UnreadableTableError as fault:
            faults.append(fault)
        else:
            return TextTable(name, rows.drop(columns=[*wanted]), keys)
    raise faults[-1]


def _numbers(header: Sequence[str]) -> dict[str, str]:
    """Columns by their numbers, if the first line names a picture and is no header."""
    named = any(cell.strip(' "\r').lower().endswith(tuple(SUFFIXES)) for cell in header)
    return {f"_{number}": str(number) for number in range(len(header))} if named else {}


def _encodings(content: bytes) -> tuple[str, ...]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ("utf-16",)
    return ("utf-8-sig", "cp1252")


def _delimiter(lines: Sequence[str]) -> str:
    if lines[0].startswith("sep=") and len(lines[0].strip()) == 5:
        return lines[0][4]
    return next((d for d in _DELIMITERS if d in lines[0]), ",")


def table_readings(listing: Listing, tables: Sequence[TextTable]) -> list[Reading]:
    """The ways to read tables as labels of the pictures, the likeliest first."""
    if not listing.pictures:
        return []
    alike: dict[tuple[str, ...], list[TextTable]] = defaultdict(list)
    for table in tables:
        if columns.image_column(table.rows, table.home, listing.pictures) is not None:
            alike[(*map(str, table.rows.columns), str(table.keys))].append(table)
    found: list[tuple[int, int, bool, Reading]] = []
    for same in alike.values():
        for reading in _readings(_distinct(same), listing):
            trial = try_out(reading, listing)
            if len(trial.counts) > 1:
                headless = str(reading.keys["image_column"]).isdigit()
                found.append((-len(trial.usable), len(trial.warnings), headless, reading))
    return [reading for *_, reading in sorted(found, key=lambda item: item[:3])]


def _distinct(tables: Sequence[TextTable]) -> list[TextTable]:
    """Without tables that say again what others say."""
    kept: list[TextTable] = []
    for table in tables:
        own = set(map(tuple, table.rows.to_numpy(str)[:500]))
        same_home = [k for k in kept if k.home == table.home]
        if not any(own & set(map(tuple, k.rows.to_numpy(str))) for k in same_home):
            kept.append(table)
    return kept


def _readings(tables: Sequence[TextTable], listing: Listing) -> list[Reading]:
    rows = pd.concat([table.rows for table in tables], ignore_index=True)
    image = columns.image_column(tables[0].rows, tables[0].home, listing.pictures)
    if image is None:
        return []
    keys: dict[str, Any] = {"kind": "table", "table": _globs(tables), "image_column": image}
    keys |= tables[0].keys
    if suffix := columns.image_suffix(list(columns.spread(rows)[image]), listing.pictures):
        keys["image_suffix"] = suffix
    side = columns.split_column(rows)
    group = columns.group_column(rows, [image, side or ""])
    taken = [image, side or "", group or ""]
    names = ", ".join(f"'{table.name}'" for table in tables[:3])
    verb = "names" if len(tables) == 1 else "name"
    why = f"{names} {verb} pictures in the column '{image}'"
    base = Reading("a table names the pictures and their labels", why, keys)
    if group:
        base = base.with_key("group_column", group, "rows of one value stay on one side")
    if side:
        base = base.with_key("split_column", side, "the archive's own sides")
    elif official := official_of(listing.pictures) or _official(tables):
        base = base.with_key("official", official, "the archive's own sides")
    labelled = _with_label(base, rows, taken)
    return [_completed(reading, listing) for reading in labelled]


def _globs(tables: Sequence[TextTable]) -> str | list[str]:
    names = [table.name for table in tables]
    ends = {PurePosixPath(name).name for name in names}
    if len(names) == 1:
        return names[0]
    return f"*{ends.pop()}" if len(ends) == 1 else names


def _official(tables: Sequence[TextTable]) -> dict[str, str]:
    """A side for each table, if they are named for sides."""
    named = {side_named(PurePosixPath(table.name).stem): table.name for table in tables}
    if len(named) < 2 or "" in named or len(named) < len(tables):
        return {}
    return {side: f"/{named[side]}" for side in SIDES if side in named}


def _with_label(base: Reading, rows: pd.DataFrame, taken: list[str]) -> list[Reading]:
    """One reading for each way to find the label; the first alone where it is sure."""
    if one_hot := columns.one_hot_columns(rows, taken):
        layout = "a table with one column for each class"
        return [replace(base, layout=layout).with_key("label_columns", one_hot)]
    several = columns.several_labels(rows, taken)
    candidates = columns.label_columns(rows, [*taken, *several])
    if several and not candidates:
        raise BakeoffError(
            f"{base.why}, and several of the columns {several[0]} to {several[-1]} are 1 in many "
            "rows: pictures with several labels are not supported; keep one column of labels"
        )
    if not candidates:
        return []
    if columns.is_sure(candidates, rows):
        candidates = candidates[:1]
    readings = []
    for column, rank in candidates[:3]:
        if rank > candidates[0][1]:
            break
        reading = base.with_key("label_column", column)
        reading = replace(reading, why=f"{base.why}, labels in '{column}'")
        if separator := columns.tree_separator(rows[column]):
            comment = "2 would make classes of its second level, too"
            reading = reading.with_key("separator", separator).with_key("depth", 1, comment)
        readings.append(reading)
    return readings


def _completed(reading: Reading, listing: Listing) -> Reading:
    """With the folder of ambiguous names, and globs for pictures in no row."""
    trial = try_out(reading, listing)
    if any("image_folder" in item.detail for item in trial.unlabelled):
        folders = {str(PurePosixPath(path).parent) for path in listing.pictures} - {"."}
        tries = [try_out(reading.with_key("image_folder", f), listing) for f in sorted(folders)]
        trial = max([trial, *tries], key=lambda t: len(t.usable))
    pictures = [item.path for item in trial.unlabelled if item.path in trial.pictures]
    globs = globs_for(pictures, list(trial.labels))
    if globs:
        return trial.reading.with_key("leave_out", globs, "pictures in no row of the table")
    return trial.reading
