"""Tables and arrays as files, and the columns of those that pass between stages."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import writing_file

SIDES = ("train", "val", "test")
COPIES = "copies"
"""The name of the folds' further copies in the plan, the records and the features."""
# Of the table of usable pictures, written by sort.
MANIFEST_COLUMNS = (
    "image_id",  # of the pixels, see `bakeoff.pictures.decoding.pixel_id`
    "path",  # relative to the repository
    "label",
    "group",  # a patient; "" without a pattern; after the split the joined group
    "width",
    "height",
    "mode",
    "bytes",
    "sha256",  # of the file
    "source",  # the member of the archive
    "phash",  # 64 hexadecimal digits
    "official",  # the archive's own side, or ""
)
PLAN_COLUMNS = ("split", "path", "image_id", "label", "group", "transform", "seed")
FOLD_COLUMNS = ("image_id", "repeat", "fold")
_NUMBERS = ("width", "height", "bytes", "seed", "repeat", "fold")
# Columns whose values are names: `NA` is a class here, `010` is not ten.
_NAMES = frozenset(
    "image_id path label predicted true group model kind side split official transform source "
    "sha256 phash class weights state reason detail mode fact".split()
)


def read_csv(source: Path | IO[Any], *, all_text: bool = False, **options: Any) -> pd.DataFrame:
    r"""Read a CSV; the one function of the product that does.

    Names stay what they are: pandas by itself takes the text `NA`, `None`, `null` or `nan` for a
    missing value, `010` for a number, and shifts the columns where rows end with a delimiter.

    Args:
        source: a path, or an open binary stream.
        all_text: every column is text, an empty cell is "". Otherwise columns of names are
            text, and in the others an empty cell or `nan` is missing.
        options: of the reader in pandas.

    Examples:
        >>> import io
        >>> table = read_csv(io.BytesIO(b"label,score\nNA,0.5\n010,\n"))
        >>> table["label"].tolist(), table["score"].isna().tolist()
        (['NA', '010'], [False, True])
    """
    options = {"keep_default_na": False, "index_col": False, **options}
    if all_text:
        return pd.read_csv(source, dtype=str, **options)
    header = pd.read_csv(source, **{**options, "dtype": str, "nrows": 0}).columns
    if not isinstance(source, Path):
        source.seek(0)
    names = {name: str for name in header if name in _NAMES}
    missing = {name: ["", "nan"] for name in header if name not in _NAMES}
    return pd.read_csv(source, **{"dtype": names, **options}, na_values=missing)


def read_table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read the named columns of a CSV: numbers as int64, everything else as text, "" kept.

    Raises:
        BakeoffError: the file or a column is missing, or a value is not a number.
    """
    try:
        dtype = {name: "int64" if name in _NUMBERS else "str" for name in columns}
        return read_csv(path, usecols=list(columns), dtype=dtype)[list(columns)]
    except FileNotFoundError:
        raise BakeoffError(f"{path}: no such file; run `dvc repro` to make it") from None
    except (ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise BakeoffError(
            f"{path}: not the expected table ({reason}); run `dvc repro` to make it again"
        ) from None


def write_table(table: pd.DataFrame, path: Path, digits: int = 9) -> None:
    """Write a CSV atomically, with Unix line ends, significant digits, and no index."""
    with writing_file(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n", float_format=f"%.{digits}g")


def read_splits(folder: Path, columns: tuple[str, ...] = MANIFEST_COLUMNS) -> pd.DataFrame:
    """The named columns of `train.csv`, `val.csv` and `test.csv`, with their `side`."""
    tables = [read_table(folder / f"{s}.csv", columns).assign(side=s) for s in SIDES]
    return pd.concat(tables, ignore_index=True)


def read_arrays(path: Path) -> dict[str, NDArray[Any]] | None:
    """The arrays that `write_arrays` wrote; None if the file is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as held:
            return dict(held)
    except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile):
        return None


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as an `.npz` file, atomically."""
    with writing_file(path) as partial, partial.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **dict(arrays))
