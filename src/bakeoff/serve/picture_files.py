"""Predict files and folders of pictures; a bad file gives a row with its error."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bakeoff.pictures.decoding import SUFFIXES
from bakeoff.pictures.extra_formats import extra_format
from bakeoff.pictures.picture_error import PictureError
from bakeoff.runtime.errors import BakeoffError, one_line
from bakeoff.serve.predictor import Pixels, Predictor

_BATCH = 32
_HEAD = 132  # bytes until the end of DICOM's mark


def list_pictures(paths: Iterable[Path]) -> list[Path]:
    """The files among `paths`, and the pictures in the folders by `is_named_picture`, sorted.

    What turns out to be no readable file, a dangling link or a pipe, gets its row like the others.

    Raises:
        BakeoffError: a path does not exist, or a folder contains no picture.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(filter(is_named_picture, path.rglob("*")))
            if not inside:
                raise BakeoffError(
                    f"{path}: no picture in this folder; give a folder or file of pictures"
                )
            found += inside
        elif path.exists() or path.is_symlink():
            found.append(path)
        else:
            raise BakeoffError(f"{path}: no such file or folder; correct the path")
    return found


def is_named_picture(path: Path) -> bool:
    """Whether a file is named like a picture, or is a DICOM file without a suffix.

    Scanners name their files by number, such as `IM0001` or `1.2.840.113619.2.5`.
    """
    if path.suffix.lower() in SUFFIXES:
        return not path.is_dir()
    if (path.suffix and not path.suffix[1:].isdigit()) or not path.is_file():
        return False
    if path.name == "DICOMDIR":  # the table of contents
        return False
    try:
        with path.open("rb") as stream:
            return extra_format(stream.read(_HEAD)) == "DICOM"
    except OSError:
        return False


def predict_files(predictor: Predictor, paths: Sequence[Path]) -> pd.DataFrame:
    """A row `path,label,p_<class>…,error` for each file, in the order given."""
    tables = []
    for start in range(0, len(paths), _BATCH):
        tables.append(_predict_batch(predictor, paths[start : start + _BATCH]))
    return pd.concat(tables, ignore_index=True)


def _predict_batch(predictor: Predictor, paths: Sequence[Path]) -> pd.DataFrame:
    pixels: list[Pixels] = []
    errors: list[str] = []
    for path in paths:
        try:
            pixels.append(predictor.picture(path))
            errors.append("")
        except (PictureError, OSError) as error:
            errors.append(one_line(str(error)))
    good = np.array([not error for error in errors])
    probabilities = np.full((len(paths), len(predictor.classes)), np.nan)
    if pixels:
        probabilities[good] = predictor.classify(np.stack(pixels))
    table = predictor.label(np.nan_to_num(probabilities, nan=-1.0))
    table.loc[~good, "label"] = ""
    table.iloc[:, 1:] = probabilities
    table.insert(0, "path", [_printable(path) for path in paths])
    return table.assign(error=errors)


def _printable(path: Path) -> str:
    """The path as text that can be written: bytes that are not UTF-8 are escaped.

    A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, so such
    a path begins with ``./``.
    """
    text = os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")
    return f"./{text}" if text.startswith(("=", "+", "-", "@")) else text
