"""Pictures whose pixels are the cells of a CSV, unpacked to PNG.

Each becomes `<table>/<side>/<label>/<row>.png`; the folder of the side exists only with
`split_column`.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.ingest.arrays import write_block
from bakeoff.ingest.containers import damage_reported
from bakeoff.ingest.member_names import label_folder, matches, safe_path
from bakeoff.ingest.raw_files import Create
from bakeoff.ingest.text_tables import read_text_table
from bakeoff.params.datasets import Pixels
from bakeoff.runtime.errors import BakeoffError


def unpack_pixels(
    paths: Sequence[Path], create: Create, dataset: Pixels, where: Path
) -> tuple[int, list[Path]]:
    """Write the pictures of the tables among some files.

    Returns the number of pictures, and the files that are not such tables.

    Raises:
        BakeoffError: there is no such table, a column is missing, or a cell is not a pixel.
    """
    tables = [path for path in paths if matches(path.as_posix(), _anywhere(dataset.table))]
    if not tables:
        names = ", ".join(path.name for path in paths[:8])
        raise BakeoffError(
            f"{where}: 'table' is {list(dataset.table)}, which fits none of {names}; correct it"
        )
    count = 0
    for path in tables:
        with damage_reported(path):
            count += _unpack(path, create, dataset, where)
    return count, [path for path in paths if path not in tables]


def _anywhere(globs: Sequence[str]) -> list[str]:
    return [f"*/{glob}" for glob in globs]


def _unpack(path: Path, create: Create, dataset: Pixels, where: Path) -> int:
    wanted = {"label": dataset.label_column}
    if dataset.split_column:
        wanted["side"] = dataset.split_column
    if dataset.pixels_column:
        wanted["pixels"] = dataset.pixels_column
    rows = read_text_table(path.name, path.read_bytes(), dataset, wanted, where)
    values = _values(rows, wanted, path.name)
    width = dataset.width or math.isqrt(values.shape[1])
    if width == 0 or values.shape[1] % width or (not dataset.width and width**2 != values.shape[1]):
        raise BakeoffError(
            f"{path.name}: a row has {values.shape[1]} pixels, which make no picture of width "
            f"{width}; set 'width' in {where}, or name the column of pixels with 'pixels_column'"
        )
    pictures = values.reshape(len(values), -1, width)
    sides = rows["side"] if "side" in rows else pd.Series([""] * len(rows))
    digits = len(str(len(rows) - 1))
    for number, (picture, label, side) in enumerate(
        zip(pictures, rows["label"].str.strip(), sides, strict=True)
    ):
        folder = pictures_folder(path.stem, side if "side" in rows else None)
        write_block(picture[None], [label], create, folder, first=number, digits=digits)
    return len(rows)


def pictures_folder(stem: str, side: str | None) -> str:
    """The folder of a table's pictures, or of those of one side if a column names it."""
    return safe_path("/".join([stem] + ([label_folder(side.strip())] if side is not None else [])))


def _values(rows: pd.DataFrame, wanted: dict[str, str], name: str) -> NDArray[np.uint8]:
    """(rows, pixels) of all rows."""
    try:
        if "pixels" in rows:
            texts = rows["pixels"].str.replace(r"[\[\],;]", " ", regex=True)
            numbers = np.array([np.array(text.split(), np.float64) for text in texts])
        else:
            others = [c for c in rows.columns if c not in (*wanted, *wanted.values())]
            numbers = rows[others].to_numpy(np.float64)
    except ValueError as error:
        raise BakeoffError(
            f"{name}: some cells are no pixels, or rows have unequal numbers of them "
            f"({str(error)[:80]}); name the column of pixels with 'pixels_column'"
        ) from None
    if not bool(np.all((numbers >= 0) & (numbers <= 255))):
        raise BakeoffError(
            f"{name}: pixels from {numbers.min():g} to {numbers.max():g}, not 0 to 255; correct "
            "the table, or name the column of pixels with 'pixels_column'"
        )
    return numbers.astype(np.uint8)
