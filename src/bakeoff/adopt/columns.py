"""What the columns of a table hold: pictures, labels, sides, groups."""

import re
from collections.abc import Sequence

import pandas as pd

from bakeoff.params.datasets import Table
from bakeoff.pictures.decoding import SUFFIXES
from bakeoff.sort.label_tables import SIDE_NAMES
from bakeoff.sort.table_matching import clean_name, match_rows

_LABEL_WORDS = frozenset(
    "annotation breed category choice class classes classification code_name diagnosis disease dx "
    "finding grade label labels name species tag target type variety y".split()
)
_LABEL_FIRST = ("label", "labels", "class", "class_name", "label_name", "category", "target")
_NUMBER_WORDS = frozenset("code id idx index no nr num number".split())
_GROUP_WORDS = frozenset(
    "animal burst case family group individual lesion participant patient patients person pid "
    "session slide subject".split()
)
_BITS = {"0", "1", "0.0", "1.0"}
_NEARLY_ALL = 0.95
_SAMPLE = 60  # rows that are matched to pictures
_TREES = (">>", " > ", "::")
_MOST_CLASSES = 2000
_WORDS = re.compile(r"[-_ .:/]+|(?<=[a-z])(?=[A-Z])")


def words(name: str) -> list[str]:
    """The words of a column's name, in lower case."""
    return [word.lower() for word in _WORDS.split(name.strip()) if word]


def spread(rows: pd.DataFrame, most: int = _SAMPLE) -> pd.DataFrame:
    """At most so many rows, evenly spread."""
    return rows.iloc[:: max(1, len(rows) // most)].head(most)


def image_column(rows: pd.DataFrame, home: str, pictures: Sequence[str]) -> str | None:
    """The column that names pictures, by the share of a sample of rows that match a file."""
    sample = spread(rows)
    scores: dict[str, tuple[int, int]] = {}
    for column in rows.columns:
        names = [clean_name(value) for value in sample[column]]
        if len(set(names)) < min(8, len(names)) or max(map(len, names)) > 400:
            continue
        found = match_rows(names, [home] * len(names), pictures)
        exact = sum(bool(m.files) and m.despite in ("", "another folder") for m in found)
        scores[column] = (exact, sum(bool(match.files) for match in found))
    best = max(scores, key=lambda column: scores[column], default=None)
    return best if best is not None and 2 * scores[best][1] >= len(sample) else None


def image_suffix(values: Sequence[str], pictures: Sequence[str]) -> str:
    """What the values lack, if they have no suffix and all pictures have one."""
    suffixes = {path[path.rfind(".") :] for path in pictures}
    bare = not any(value.lower().endswith(tuple(SUFFIXES)) for value in values)
    return suffixes.pop() if bare and len(suffixes) == 1 else ""


def split_column(rows: pd.DataFrame) -> str | None:
    """The column whose values are names of sides, or None."""
    for column in rows.columns:
        values = {value.strip().lower() for value in rows[column].unique()[:9]}
        if values <= set(SIDE_NAMES) and len({SIDE_NAMES[value] for value in values}) > 1:
            return str(column)
    return None


def one_hot_columns(rows: pd.DataFrame, others: Sequence[str]) -> list[str]:
    """Columns of 0 and 1 of which one is 1 in nearly every row; [] if there are none."""
    for run in _binary_runs(rows, others):
        if (rows[run].astype(float).sum(axis=1) == 1).mean() >= _NEARLY_ALL:
            return run
    return []


def several_labels(rows: pd.DataFrame, others: Sequence[str]) -> list[str]:
    """Columns of 0 and 1 of which several are 1 in many rows; [] if there are none."""
    for run in _binary_runs(rows, others):
        if len(run) > 2 and (rows[run].astype(float).sum(axis=1) > 1).mean() > 1 - _NEARLY_ALL:
            return run
    return []


def _binary_runs(rows: pd.DataFrame, others: Sequence[str]) -> list[list[str]]:
    """Neighbouring columns of 0 and 1, the longest run first."""
    runs: list[list[str]] = [[]]
    for column in rows.columns:
        if column not in others and set(rows[column].str.strip().unique()[:9]) <= _BITS:
            runs[-1].append(str(column))
        elif runs[-1]:
            runs.append([])
    return sorted((run for run in runs if len(run) > 1), key=len, reverse=True)


def group_column(rows: pd.DataFrame, others: Sequence[str]) -> str | None:
    """The column that names a patient or the like, with several rows each; or None."""
    for column in rows.columns:
        count = rows[column].nunique()
        if column not in others and _GROUP_WORDS & set(words(column)):
            if 2 < count < 0.95 * len(rows) and rows[column].str.strip().ne("").mean() > 0.5:
                return str(column)
    return None


def tree_separator(values: "pd.Series[str]") -> str:
    """What divides the levels of a category tree; "" if it is none."""
    for separator in _TREES:
        if values.str.contains(separator, regex=False).mean() > 0.8:
            return separator
    return ""


def label_columns(rows: pd.DataFrame, others: Sequence[str]) -> list[tuple[str, int]]:
    """Columns that can be the label with their rank, 0 the surest; sorted by it."""
    found = []
    for position, column in enumerate(rows.columns):
        if column in others:
            continue
        values = rows[column].str.strip()
        if separator := tree_separator(values):
            values = values.str.split(separator, regex=False).str[0]
        count = values.nunique()
        if 2 <= count <= min(_MOST_CLASSES, len(rows) / 2) and _is_category(values):
            found.append((_rank(str(column)), _is_number(values), position, str(column)))
    return [(column, rank) for rank, _, _, column in sorted(found)]


def _rank(column: str) -> int:
    parts = words(column)
    if "_".join(parts) in _LABEL_FIRST:
        return 0
    if not _LABEL_WORDS & set(parts):
        return 3
    return 2 if _NUMBER_WORDS & set(parts) else 1


def _is_number(values: "pd.Series[str]") -> bool:
    return bool(values.str.fullmatch(r"-?\d+(\.\d+)?").mean() > 0.9)


def _is_category(values: "pd.Series[str]") -> bool:
    """Not measurements, dates or free text."""
    measured = values.str.fullmatch(r"-?\d+\.\d*[1-9]\d*").mean() > 0.3
    return not measured and float(values.str.len().mean()) < 60


def is_sure(candidates: Sequence[tuple[str, int]], rows: pd.DataFrame) -> bool:
    """Whether the first candidate is the label: its name says so, or there is no other."""
    if len(candidates) == 1 or candidates[0][1] < candidates[1][1]:
        return True
    first, second = candidates[0][0], candidates[1][0]
    pairs = rows[[first, second]].drop_duplicates()
    return len(pairs) == pairs[first].nunique() == pairs[second].nunique()


def description(keys: dict[str, object]) -> Table:
    """A description that reads a table, before its columns are known."""
    return Table.model_validate(
        {"kind": "table", "archive": "x", "table": "x", "image_column": "x", "label_column": "x"}
        | keys
    )
