"""Labels from tables: match rows to pictures and read class, group and side."""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from bakeoff.ingest.member_names import matches
from bakeoff.ingest.text_tables import read_text_table
from bakeoff.params.datasets import Table
from bakeoff.pictures.decoding import SUFFIXES
from bakeoff.runtime.errors import BakeoffError, quoted
from bakeoff.sort.labelled_file import TABLE, LabelledFile
from bakeoff.sort.table_matching import Match, clean_name, match_rows

log = logging.getLogger(__name__)

# What data sets call their sides in a column.
SIDE_NAMES = {
    **dict.fromkeys(("train", "training", "trn", "tr"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "publictest"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "privatetest"), "test"),
}


@dataclass(frozen=True)
class _Row:
    """The content of one row; `place` names it in messages."""

    name: str
    place: str
    label: str
    doubt: str
    group: str
    official: str
    home: str


def find_by_table(
    paths: Sequence[str], dataset: Table, read: Callable[[str], bytes], where: Path
) -> list[LabelledFile]:
    """One `LabelledFile` for each path, in order, then one for each row without a picture.

    A file that rows with several labels name, or one of several files that a row matches, has an
    ambiguous class.

    Raises:
        BakeoffError: there is no such table, or it lacks a column.
    """
    tables = [path for path in paths if matches(path, dataset.table)]
    if not tables:
        raise BakeoffError(
            f"{where}: 'table' is {list(dataset.table)}, which fits 0 of the archive's files, such "
            f"as '{quoted(paths[0] if paths else 'none')}'; correct it, or let it through with "
            "'keep'"
        )
    rows = [row for table in tables for row in _rows(table, read(table), dataset, where)]
    pictures = [path for path in paths if path not in tables]
    found = match_rows([row.name for row in rows], [row.home for row in rows], pictures)
    _tell(rows, found)
    matching: dict[str, list[_Row]] = defaultdict(list)
    doubtful: dict[str, str] = {}
    missing: list[LabelledFile] = []
    for row, match in zip(rows, found, strict=True):
        if not match.files:
            missing.append(
                LabelledFile(row.name, reason="no picture", detail=_missing(row, pictures))
            )
        for path in match.files:
            matching[path].append(row)
            if len(match.files) > 1:
                doubtful[path] = f"{row.place} fits {len(match.files)} files; set 'image_folder'"
    return [_found(path, path in tables, matching[path], doubtful) for path in paths] + missing


def _missing(row: _Row, pictures: Sequence[str]) -> str:
    shown = f", such as '{quoted(pictures[0])}'" if pictures else ""
    return f"{row.place} names '{quoted(row.name)}', and no file's path ends so{shown}"


def _tell(rows: Sequence[_Row], found: Sequence[Match]) -> None:
    matched = sum(bool(match.files) for match in found)
    log.info("table: %d of %d rows matched a file", matched, len(rows))
    counts = Counter(match.despite for match in found if match.despite)
    for despite, count in counts.items():
        row, match = next(p for p in zip(rows, found, strict=True) if p[1].despite == despite)
        log.warning(
            "%d rows matched despite %s: %s, '%s', is taken for %s",
            *(count, despite, row.place, quoted(row.name), quoted(match.files[0])),
        )


def _found(
    path: str, is_table: bool, matching: Sequence[_Row], doubtful: dict[str, str]
) -> LabelledFile:
    if is_table:
        return LabelledFile(path, reason="left out", detail=TABLE)
    labels = sorted({row.label for row in matching})
    sides = {row.official for row in matching}
    doubt = doubtful.get(path) or next((row.doubt for row in matching if row.doubt), "")
    if doubt or len(labels) > 1:
        return LabelledFile(path, reason="ambiguous class", detail=doubt or " or ".join(labels))
    if not labels:
        return LabelledFile(path, reason="unknown class", detail="in no row of the table")
    group = min(row.group for row in matching)
    return LabelledFile(
        path, labels[0], group=group, official=min(sides) if len(sides) == 1 else ""
    )


def _rows(path: str, content: bytes, dataset: Table, where: Path) -> list[_Row]:
    name = path.rsplit("/", 1)[-1]
    wanted = {"image": dataset.image_column}
    single = {
        "label": dataset.label_column,
        "group": dataset.group_column,
        "split": dataset.split_column,
    }
    wanted |= {key: column for key, column in single.items() if column is not None}
    wanted |= {f"label {column}": column for column in dataset.label_columns or ()}
    table = read_text_table(name, content, dataset, wanted, where)
    _refuse_pixels(table["image"], name, where)
    if dataset.label_columns:
        labels, doubts = _one_hot(table, dataset.label_columns)
    else:
        labels, doubts = [_label(v, dataset) for v in table["label"]], [""] * len(table)
    sides = _sides(table, dataset, path, where)
    groups = table["group"] if "group" in wanted else [""] * len(table)
    home = str(PurePosixPath(path).parent).removeprefix(".")
    return [
        _Row(_file_name(cell, dataset), f"row {n} of {name}", label, doubt, group, side, home)
        for n, (cell, label, doubt, group, side) in enumerate(
            zip(table["image"], labels, doubts, groups, sides, strict=True), start=2
        )
    ]


def _refuse_pixels(images: "pd.Series[str]", name: str, where: Path) -> None:
    if (
        len(images)
        and len(images.iloc[0]) > 300
        and images.iloc[0][:300].replace(" ", "").isdigit()
    ):
        raise BakeoffError(
            f"{where}: 'image_column' of {name} holds pixels ('{quoted(images.iloc[0], 20)}'), not "
            "names; set 'kind: pixels' and call it 'pixels_column'"
        )


def _one_hot(table: pd.DataFrame, columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """The label of each row, "" for none, and a problem if several columns are set."""
    values = table[[f"label {column}" for column in columns]].to_numpy(str)
    labels, doubts = [], []
    for row in values:
        on = [column for column, cell in zip(columns, row, strict=True) if _is_on(cell)]
        labels.append(on[0] if len(on) == 1 else "")
        doubts.append(" and ".join(on) if len(on) > 1 else "")
    return labels, doubts


def _is_on(cell: str) -> bool:
    try:
        return float(cell) > 0.5
    except ValueError:
        return cell.strip().lower() in ("true", "yes", "y", "t", "x")


def _sides(table: pd.DataFrame, dataset: Table, path: str, where: Path) -> list[str]:
    """The archive's own side of each row, "" if neither a column nor the table's path says it."""
    if dataset.split_column is None:
        _hint_at_sides(table, dataset)
        side = next((s for s, glob in dataset.official.items() if matches(path, [glob])), "")
        return [side] * len(table)
    cells = table["split"].str.strip()
    if dataset.official:
        known = {
            cell: next((s for s, glob in dataset.official.items() if matches(cell, [glob])), "")
            for cell in cells.unique()
        }
    else:
        known = {cell: SIDE_NAMES.get(cell.lower(), "") for cell in cells.unique()}
    if not any(known.values()):
        values = quoted(", ".join(sorted(known)))
        raise BakeoffError(
            f"{where}: 'split_column' of {path} holds {values}; say which is which with "
            "'official: {train: …, val: …, test: …}', globs of these values"
        )
    return [known[cell] for cell in cells]


def _hint_at_sides(table: pd.DataFrame, dataset: Table) -> None:
    if dataset.official:
        return
    for column in table.columns:
        values = {str(value).strip().lower() for value in table[column].unique()[:9]}
        if values <= set(SIDE_NAMES) and len({SIDE_NAMES[value] for value in values}) > 1:
            log.warning(
                "the column '%s' seems to hold the archive's own sides: 'split_column: %s' keeps "
                "them, to be used with 'split.official_test'",
                *(quoted(column), quoted(column)),
            )


def _file_name(value: str, dataset: Table) -> str:
    """The row's value as the end of a member's path."""
    name = clean_name(value)
    if not name:
        return ""
    if dataset.image_folder:
        name = f"{dataset.image_folder.strip('/')}/{name}"
    suffix = dataset.image_suffix
    known = PurePosixPath(name).suffix.lower() in SUFFIXES
    return name if known and name.lower().endswith(suffix.lower()) else name + suffix


def _label(value: str, dataset: Table) -> str:
    """The value itself, or the first `depth` levels of a category tree."""
    if dataset.separator is None:
        return value.strip()
    tree = value
    try:
        parsed = json.loads(value)
        tree = str(parsed[0]) if isinstance(parsed, list) and parsed else value
    except ValueError:
        pass  # a plain tree without JSON around it
    levels = [level.strip() for level in tree.split(dataset.separator)]
    return " - ".join(level for level in levels[: dataset.depth] if level)
