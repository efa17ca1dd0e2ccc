"""Run an exported file on real pictures, and compare it with the model itself."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.export.formats import Run
from bakeoff.pictures.decoding import PictureError, decode
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.layout import SPLITS
from bakeoff.runtime.tables import read_table
from bakeoff.serve.picture_files import list_pictures
from bakeoff.serve.predictor import Pixels, Predictor

MOST = 32  # pictures
FLOAT32, FLOAT16 = 1e-4, 1e-2  # largest difference of a probability, by the weights in the file
MIXED = 0.05  # where the model itself computes in 16 bits, and the file in 32
WHOLE = 0.05  # where the file makes the square, and single pixels differ by one level

_MOST_WHOLE = 8  # pictures
_WHOLE_PIXELS = 4_000_000  # larger ones would take gigabytes as float32
_TIMED = 15  # runs


@dataclass(frozen=True)
class Proof:
    """What was compared, and what came out."""

    pictures: int
    difference: float  # largest, of a probability, on the record's squares
    bound: float
    whole: float | None  # the same on whole pictures; None where the file takes squares only
    milliseconds: float  # median of one picture, as a square, in the file's runtime
    own_milliseconds: float  # of the model itself, in the same process


def sample_pictures(given: Path | None) -> list[Path]:
    """Up to 32 pictures, evenly spaced: of a file or folder, or of the data set's test side.

    Raises:
        BakeoffError: there are none.
    """
    if given is not None:
        paths = list_pictures([given])
    else:
        table = SPLITS / "test.csv"
        if not table.is_file():
            raise BakeoffError(
                f"no {table}, so there are no test pictures to compare on; give some with "
                "--pictures"
            )
        paths = [Path(path) for path in sorted(read_table(table, ("path",))["path"])]
        missing = [path for path in paths if not path.is_file()]
        if missing:
            raise BakeoffError(
                f"{table} names {missing[0]}, which is missing; run `dvc repro ingest`, or give "
                "pictures with --pictures"
            )
    places = np.unique(np.linspace(0, len(paths) - 1, min(len(paths), MOST)).round().astype(int))
    return [paths[place] for place in places]


def prove(
    run: Run, predictor: Predictor, paths: Sequence[Path], *, bound: float, any_size: bool
) -> Proof:
    """Compare a file's probabilities with those of `bakeoff predict`.

    Raises:
        BakeoffError: they differ by more than `bound`, or, where the file makes the square itself,
            by more than `WHOLE`; or a picture cannot be used.
    """
    squares = np.stack([_square(path, predictor) for path in paths])
    own = predictor.classify(squares)
    floats = squares.astype(np.float32)
    difference = _largest(_each(run, floats) - own)
    _refuse(difference, bound, len(paths), "squares")
    _refuse(_largest(run(floats) - own), bound, len(paths), "squares in one batch")
    whole = None
    if any_size:
        mode = "L" if predictor.metadata.channels == 1 else "RGB"
        images = [_whole(path, mode, predictor) for path in paths[:_MOST_WHOLE]]
        kept = [n for n, image in enumerate(images) if image[..., 0].size <= _WHOLE_PIXELS]
        parts = [_each(run, images[n][None].astype(np.float32)) - own[n] for n in kept]
        whole = _largest(np.concatenate(parts)) if parts else None
        _refuse(whole or 0.0, WHOLE, len(kept), "whole pictures")
    calls = (lambda: run(floats[:1]), lambda: predictor.classify(squares[:1]))
    return Proof(len(paths), difference, bound, whole, *_milliseconds(*calls))


def _each(run: Run, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([run(pictures[n : n + 1]) for n in range(len(pictures))])


def _whole(path: Path, mode: Any, predictor: Predictor) -> Pixels:
    pixels = np.asarray(decode(path, mode, white=predictor.metadata.white))
    return pixels.reshape(*pixels.shape[:2], -1)


def _square(path: Path, predictor: Predictor) -> Pixels:
    try:
        return predictor.picture(path)
    except PictureError as error:
        raise BakeoffError(
            f"{path}: not usable to compare on: {error}; give others with --pictures"
        ) from None


def _largest(differences: NDArray[np.floating]) -> float:
    return float(np.abs(differences).max())


def _refuse(difference: float, bound: float, pictures: int, what: str) -> None:
    if not difference <= bound:  # NaN, too
        raise BakeoffError(
            f"the file's probabilities differ by {difference:.2g} from the model's own on "
            f"{pictures} {what}, more than {bound:g}, so it is removed; choose another --format"
        )


def _milliseconds(*calls: Callable[[], Any]) -> list[float]:
    """The median of each call, run in turns; the first two rounds are not counted."""
    spent = np.zeros((_TIMED + 2, len(calls)))
    for row in spent:
        for number, call in enumerate(calls):
            start = time.perf_counter()
            call()
            row[number] = time.perf_counter() - start
    return [float(median) * 1000 for median in np.median(spent[2:], axis=0)]
