"""Tables among a data set's files (CSV with or without header, JSON Lines), read as text."""

import bz2
import csv
import gzip
import importlib.util
import io
import itertools
import json
import logging
import lzma
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import pandas as pd
from pandas.errors import ParserWarning

from bakeoff.ingest.containers import DAMAGE, kind_of_file
from bakeoff.ingest.table_faults import hint_at_header, unreadable
from bakeoff.params.datasets import Tabular
from bakeoff.runtime.errors import BakeoffError, quoted
from bakeoff.runtime.tables import read_csv

log = logging.getLogger(__name__)

_UNPACK = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}


def read_text_table(
    name: str, content: bytes, dataset: Tabular, wanted: dict[str, str], where: Path
) -> pd.DataFrame:
    """All columns as text, and the wanted ones again under the given names.

    The header names the columns. If all wanted columns are numbers that are not in the header, the
    table has no header, and columns count from 0. The suffix of `name` decides format and
    compression; `wanted` maps new names to columns.

    Raises:
        BakeoffError: it is not a supported table, or lacks a column.
    """
    low = PurePosixPath(name.lower())
    wanted = {key: column.strip() for key, column in wanted.items()}
    if low.suffix in (".xls", ".ods", ".parquet") or (low.suffix == ".xlsx" and not reads_excel()):
        raise BakeoffError(f"{where}: '{name}' is {kind_of_file(name)}, and name that in 'table'")
    try:
        text = (
            _sheet_as_csv(content)
            if low.suffix == ".xlsx"
            else _unpacked(low.suffix, content).decode(dataset.encoding)
        )
        if {".jsonl", ".ndjson", ".json"} & set(low.suffixes):
            rows = _json_rows(text)
        else:
            rows = _csv_rows(text, dataset, wanted)
    except (OSError, LookupError, csv.Error, *DAMAGE) as error:
        raise unreadable(name, content, dataset, error, where) from None
    for column in wanted.values():
        if column not in rows.columns:
            has = quoted(", ".join(map(str, rows.columns)), 200)
            guess = hint_at_header(list(rows.columns), content, dataset)
            raise BakeoffError(
                f"{where}: {name} has no column '{column}'; name one of {has}{guess}"
            )
    _warn_of_twins(name, rows, wanted.values())
    return rows.assign(**{key: rows[column] for key, column in wanted.items()})


def _warn_of_twins(name: str, rows: pd.DataFrame, wanted: Iterable[str]) -> None:
    for column in wanted:
        second = f"{column}.1"  # pandas' name of it
        if second in rows.columns and not rows[column].equals(rows[second]):
            log.warning(
                "%s has two columns '%s', and the first is read; '%s' names the second",
                *(name, quoted(column, 40), quoted(second, 40)),
            )


def reads_excel() -> bool:
    """Whether the extra `readers` is installed."""
    return importlib.util.find_spec("openpyxl") is not None


def _sheet_as_csv(content: bytes) -> str:
    """The first sheet of a workbook of Excel, as CSV."""
    try:
        sheet = pd.read_excel(io.BytesIO(content), dtype=str, keep_default_na=False)
    except Exception as error:  # a damaged workbook may raise anything
        raise ValueError(f"no workbook of Excel: {error}") from None
    return sheet.to_csv(index=False)


def _unpacked(suffix: str, content: bytes) -> bytes:
    if suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(archive.infolist()[0])
    return _UNPACK[suffix](content) if suffix in _UNPACK else content


def _json_rows(text: str) -> pd.DataFrame:
    try:
        records = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        records = json.loads(text)
    if len(records) == 1 and isinstance(records[0], list):
        records = records[0]
    if not all(isinstance(record, dict) for record in records):
        raise ValueError("not one JSON object a line")
    plain = [
        {k: v if isinstance(v, str) else "" if v is None else json.dumps(v) for k, v in r.items()}
        for r in records
    ]
    return pd.DataFrame(plain, dtype=str).fillna("")


def _csv_rows(text: str, dataset: Tabular, wanted: dict[str, str]) -> pd.DataFrame:
    delimiter = dataset.delimiter
    first, _, rest = text.partition("\n")
    if first.startswith("sep=") and len(first.strip()) == 5:  # Excel's line before the header
        text, delimiter = rest, first[4]
    options = {"sep": delimiter, "skipinitialspace": delimiter != " "}  # "1.png", "cat"
    with warnings.catch_warnings():
        warnings.simplefilter("error", ParserWarning)
        try:
            rows = read_csv(io.StringIO(text), all_text=True, **options)
        except ParserWarning:
            _refuse_longer_rows(text, delimiter)
            warnings.simplefilter("ignore", ParserWarning)
            rows = read_csv(io.StringIO(text), all_text=True, **options)
    columns = set(wanted.values())
    if all(column.isdigit() for column in columns) and not columns <= set(rows.columns):
        rows = read_csv(io.StringIO(text), all_text=True, **options, header=None)
        rows.columns = pd.Index([str(number) for number in rows.columns])
    rows.columns = pd.Index(_distinct_names(str(name).strip() for name in rows.columns))
    return rows  # some write "filename, cat, dog"


def _distinct_names(names: Iterable[str]) -> list[str]:
    """The names, as pandas makes them distinct: `label`, `label.1`."""
    found: list[str] = []
    for name in names:
        numbered = (f"{name}.{number}" for number in itertools.count(1))
        found.append(next(n for n in itertools.chain([name], numbered) if n not in found))
    return found


def _refuse_longer_rows(text: str, delimiter: str) -> None:
    """Refuse rows longer than the header, unless the extra cells are empty."""
    header, *rows = csv.reader(
        io.StringIO(text, newline=None), delimiter=delimiter, skipinitialspace=delimiter != " "
    )
    for number, row in enumerate(rows, start=2):
        if any(row[len(header) :]):
            raise ValueError(f"row {number} has {len(row)} cells, the header {len(header)}")
