"""The round trip: every record is read back and compared with its source."""

import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.pictures.transforms import ORIGINAL
from bakeoff.runtime.errors import BakeoffError
from bakeoff.tfrecord.reading import read_records
from bakeoff.tfrecord.writing import Export, exported_parts, render

_BATCH = 64
# Mean absolute difference, of 255, that a JPEG of quality 1 does not reach on real pictures.
_MAX_JPEG_ERROR = 40.0
_COMPARED = 2  # originals of each side whose JPEG is compared with its picture


@dataclass(frozen=True)
class RoundTrip:
    """Result of the comparison of one side."""

    records: int  # number written
    read: int  # number read back; each one's label, id, transform and group were compared
    # records whose pixels were compared: all of them as PNG, and as JPEG a few of each side
    pixels_compared: int
    pixels_equal: int | None  # records whose pixels are all equal; None for JPEG
    mean_absolute_error: float  # of the compared pixels, 0 to 255; 0 for PNG


def check_round_trip(
    folder: Path, plan: pd.DataFrame, export: Export, checksums: dict[str, tuple[int, ...]]
) -> dict[str, RoundTrip]:
    """Read every record of every side and compare it with its row of the plan.

    `checksums` are as `write_records` returned them.

    Raises:
        BakeoffError: a record differs from what was written.
    """
    trips = {}
    for side in exported_parts(plan):
        rows = plan[plan["split"] == side].reset_index(drop=True)
        chosen = set(rows.index[rows["transform"] == ORIGINAL][:_COMPARED])
        chosen |= set(rows.index[rows["transform"] != ORIGINAL][:1])
        read, equal, kept = _read_side(folder, side, rows, export, (checksums[side], chosen))
        lossless = export.params.encoding == "png"
        errors = [_error(example, export) for example in kept]
        trips[side] = RoundTrip(
            records=len(rows),
            read=read,
            pixels_compared=len(rows) if lossless else len(kept),
            pixels_equal=equal if lossless else None,
            mean_absolute_error=round(float(np.mean(errors)), 4),
        )
        _refuse(side, trips[side])
    return trips


def _read_side(
    folder: Path,
    side: str,
    rows: pd.DataFrame,
    export: Export,
    expected: tuple[tuple[int, ...], set[int]],
) -> tuple[int, int, list[dict[str, Any]]]:
    """Numbers of records read and of equal pixels, and the chosen examples."""
    checksums, chosen = expected
    facts = list(
        zip(rows["label"], rows["image_id"], rows["transform"], rows["group"], strict=True)
    )
    at = equal = 0
    kept = []
    for batch in read_records(folder, side, batch=_BATCH).as_numpy_iterator():
        texts = zip(batch["image_id"], batch["transform"], batch["group"], strict=True)
        for image, label, text in zip(batch["image"], batch["label"], texts, strict=True):
            found = (export.classes[label], *(part.decode() for part in text))
            if at >= len(facts) or found != facts[at]:
                raise BakeoffError(
                    f"{folder}: record {at} of {side} was read back as another example; "
                    "run `dvc repro --force tfrecord`"
                )
            equal += zlib.crc32(image) == checksums[at]
            if at in chosen:
                kept.append({**{str(k): v for k, v in rows.loc[at].items()}, "pixels": image})
            at += 1
    return at, equal, kept


def _error(example: dict[str, Any], export: Export) -> float:
    """Mean absolute difference between a record and its picture rendered once more."""
    wanted = render(example["path"], example["transform"], int(example["seed"]), export)
    return float(np.abs(wanted.astype(int) - example["pixels"].astype(int)).mean())


def _refuse(side: str, trip: RoundTrip) -> None:
    spoilt = trip.mean_absolute_error > _MAX_JPEG_ERROR
    if trip.pixels_equal is not None:
        spoilt = trip.pixels_equal != trip.records
    if trip.read != trip.records or spoilt:
        raise BakeoffError(
            f"data/processed: the {side} side differs after its round trip ({asdict(trip)});"
            " check the disk and run `dvc repro --force tfrecord`"
        )
