"""The tables that pass between sort, split and augment: columns, reading and writing."""

from pathlib import Path

import pandas as pd

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.manifest import MANIFEST_COLUMNS

SIDES = ("train", "val", "test")
COPIES = "copies"
"""Where the folds' further copies stand in the plan, the records and the features."""
PLAN_COLUMNS = ("split", "path", "image_id", "label", "group", "transform", "seed")
FOLD_COLUMNS = ("image_id", "repeat", "fold")
_NUMBERS = ("width", "height", "bytes", "seed", "repeat", "fold")


def read_table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read the named columns of a CSV: numbers as int64, everything else as text, "" kept.

    Raises:
        BakeoffError: the file or a column is missing, or a value is not a number.
    """
    try:
        return pd.read_csv(
            path,
            usecols=list(columns),
            dtype={name: "int64" if name in _NUMBERS else "str" for name in columns},
            keep_default_na=False,
        )[list(columns)]
    except FileNotFoundError:
        raise BakeoffError(f"{path}: no such file; `dvc repro` makes it") from None
    except (ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise BakeoffError(f"{path}: not the expected table ({reason})") from None


def read_numbers(path: Path) -> pd.DataFrame:
    """Read a CSV of numbers; the columns `label`, `class`, `side`, `mode` and `fact` are text."""
    text = dict.fromkeys(("label", "class", "side", "mode", "fact"), str)
    return pd.read_csv(path, dtype=text, keep_default_na=False, na_values={})


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a CSV with Unix line ends, nine significant digits, and no index."""
    table.to_csv(path, index=False, lineterminator="\n", float_format="%.9g")


def read_splits(folder: Path, columns: tuple[str, ...] = MANIFEST_COLUMNS) -> pd.DataFrame:
    """The named columns of `train.csv`, `val.csv` and `test.csv`, with their `side`."""
    tables = [read_table(folder / f"{s}.csv", columns).assign(side=s) for s in SIDES]
    return pd.concat(tables, ignore_index=True)
