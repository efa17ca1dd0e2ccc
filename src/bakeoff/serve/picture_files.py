"""Predict files and folders of pictures; a bad file gives a row with its error."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bakeoff.pictures.decoding import SUFFIXES, PictureError
from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.predictor import Pixels, Predictor

_BATCH = 32


def list_pictures(paths: Iterable[Path]) -> list[Path]:
    """The files among `paths`, and those named like pictures in the folders, sorted.

    Raises:
        BakeoffError: a path does not exist, or a folder contains no picture.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
            if not inside:
                raise BakeoffError(f"{path}: no picture in this folder")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise BakeoffError(f"{path}: no such file or folder")
    return found


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
        except PictureError as error:
            errors.append(str(error))
    good = np.array([not error for error in errors])
    probabilities = np.full((len(paths), len(predictor.classes)), np.nan)
    if pixels:
        probabilities[good] = predictor.classify(np.stack(pixels))
    table = predictor.label(np.nan_to_num(probabilities, nan=-1.0))
    table.loc[~good, "label"] = ""
    table.iloc[:, 1:] = probabilities
    table.insert(0, "path", [path.as_posix() for path in paths])
    return table.assign(error=errors)
