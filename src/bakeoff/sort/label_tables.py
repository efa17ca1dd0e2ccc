"""Labels that come from a table: which row names which picture."""

import io
import json
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from bakeoff.ingest.containers import DAMAGE
from bakeoff.ingest.member_names import matches
from bakeoff.params.datasets import Table
from bakeoff.runtime.errors import BakeoffError
from bakeoff.sort.labelling import Found

_PACKED: dict[str, Any] = {
    ".gz": "gzip",
    ".bz2": "bz2",
    ".xz": "xz",
    ".zip": "zip",
}  # pandas's names for them


def find_by_table(
    paths: Sequence[str], dataset: Table, read: Callable[[str], bytes], where: Path
) -> list[Found]:
    """One `Found` for each path, in order, then one for each row without a picture.

    A row's value names a file by its last path components, below `image_folder` if that is
    given. A file that rows of several labels name, or one of several files that a row could
    mean, has an ambiguous class.

    Raises:
        BakeoffError: there is not exactly one such table, or it lacks a column.
    """
    tables = [path for path in paths if matches(path, [dataset.table])]
    if len(tables) != 1:
        raise BakeoffError(
            f"{where}: 'table' is '{dataset.table}', which fits {len(tables)} of the archive's "
            "files; it must fit exactly one ('keep' must let it through)"
        )
    rows = _rows(tables[0], read(tables[0]), dataset, where)
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        by_name[path.rsplit("/", 1)[-1]].append(path)

    said: dict[str, set[tuple[str, str]]] = defaultdict(set)
    doubtful: dict[str, str] = {}
    missing: list[Found] = []
    for number, row in enumerate(rows.itertuples(index=False), start=2):
        name = _file_name(str(row.image), dataset)
        fitting = _fitting(name, by_name)
        if not fitting:
            told = f"row {number} of {tables[0]} names a picture that is not there"
            missing.append(Found(name, reason="no picture", detail=told))
        for path in fitting:
            said[path].add((_label(str(row.label), dataset), str(row.group)))
            if len(fitting) > 1:
                doubtful[path] = f"row {number} fits {len(fitting)} files; set 'image_folder'"
    found = [_found(path, path == tables[0], said.get(path, set()), doubtful) for path in paths]
    return found + missing


def _found(
    path: str, is_table: bool, said: set[tuple[str, str]], doubtful: dict[str, str]
) -> Found:
    if is_table:
        return Found(path, reason="left out", detail="the table")
    labels = sorted({label for label, _ in said})
    if path in doubtful:
        return Found(path, reason="ambiguous class", detail=doubtful[path])
    if len(labels) > 1:
        return Found(path, reason="ambiguous class", detail=" or ".join(labels))
    if not labels:
        return Found(path, reason="unknown class", detail="in no row of the table")
    return Found(path, labels[0], group=min(group for _, group in said))


def _rows(path: str, content: bytes, dataset: Table, where: Path) -> pd.DataFrame:
    """The columns `image`, `label` and `group`, as text."""
    name = path.rsplit("/", 1)[-1]
    wanted = {"image": dataset.image_column, "label": dataset.label_column}
    if dataset.group_column:
        wanted["group"] = dataset.group_column
    try:
        rows = pd.read_csv(
            io.BytesIO(content),
            dtype=str,
            keep_default_na=False,  # a class may well be called "None" or "NA"
            sep=dataset.delimiter,
            compression=_PACKED.get(PurePosixPath(path).suffix.lower()),
            encoding=dataset.encoding,
        )
    except (OSError, LookupError, *DAMAGE) as error:
        told = " ".join(str(error).split())
        raise BakeoffError(
            f"{name}: cannot be read as a table ({told}); check 'delimiter' and 'encoding' "
            f"in {where}"
        ) from None
    for column in wanted.values():
        if column not in rows.columns:
            has = ", ".join(map(str, rows.columns[:20]))
            raise BakeoffError(f"{where}: {name} has no column '{column}'; it has {has}")
    frame = pd.DataFrame({key: rows[column] for key, column in wanted.items()})
    return frame.assign(group=frame.get("group", ""))


def _file_name(value: str, dataset: Table) -> str:
    """The row's value as the end of a member's path."""
    name = unicodedata.normalize("NFC", value.strip()).replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if parts and dataset.image_folder:
        parts = [*dataset.image_folder.strip("/").split("/"), *parts]
    return "/".join(parts) + (dataset.image_suffix if parts else "")


def _fitting(name: str, by_name: dict[str, list[str]]) -> list[str]:
    """The file of exactly that path, or else those whose path ends so."""
    candidates = by_name.get(name.rsplit("/", 1)[-1], [])
    if name in candidates:
        return [name]
    return [path for path in candidates if path.endswith(f"/{name}")]


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
