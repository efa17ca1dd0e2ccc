"""Records of one deal copied into the sides of another, without decoding a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bakeoff.runtime.files import sha256_of_file
from bakeoff.tfrecord.index import (
    RecordIndex,
    Shard,
    SplitIndex,
    check_shards,
    read_index,
    record_places,
)


def regroup_records(
    records: Path,
    sides: Mapping[str, NDArray[np.intp]],
    labels: NDArray[np.int64],
    originals: NDArray[np.bool_],
    folder: Path,
) -> RecordIndex:
    """Copy records into a folder as other sides, one shard each, and write its index.

    `sides` gives, for each new side, its records, numbered through all sides of `records` in the
    order of its index.

    Raises:
        BakeoffError: a shard of `records` is missing or damaged.
    """
    index = read_index(records)
    shards = tuple(shard for side in index.splits.values() for shard in side.shards)
    check_shards(records, shards)
    paths = [records / shard.file for shard in shards]
    places = [(path, *place) for path in paths for place in record_places(path)]
    splits = {}
    for name, rows in sides.items():
        path = folder / f"{name}.tfrecord"
        _copy([places[row] for row in rows], path)
        counts = np.bincount(labels[rows], minlength=len(index.classes))
        splits[name] = SplitIndex(
            examples=len(rows),
            originals=int(originals[rows].sum()),
            labels=dict(zip(index.classes, counts.tolist(), strict=True)),
            shards=(Shard(path.name, len(rows), sha256_of_file(path)),),
        )
    regrouped = replace(index, splits=splits)
    regrouped.write(folder)
    return regrouped


_Place = tuple[Path, int, int]  # file, first byte, bytes


def _copy(places: Sequence[_Place], target: Path) -> None:
    with target.open("wb") as written:
        for path, at, size in places:
            with path.open("rb") as stream:
                stream.seek(at)
                written.write(stream.read(size))
