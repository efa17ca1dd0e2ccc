"""Writing TFRecords: a pure function from one shard of the plan to one file."""

import math
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from bakeoff.params.data import RandomTransforms, TfrecordParams
from bakeoff.pictures.canary import picture_digest
from bakeoff.pictures.decoding import Mode, decode
from bakeoff.pictures.picture_error import PictureError
from bakeoff.pictures.squares import encode_picture, to_record_picture
from bakeoff.pictures.transforms import ORIGINAL, Pixels
from bakeoff.runtime.cluster import Remote
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import remove_leftovers, replacing_file, sha256_of_file
from bakeoff.runtime.parallel import map_shards
from bakeoff.runtime.tables import COPIES, SIDES
from bakeoff.runtime.tf import tf
from bakeoff.tfrecord.index import RecordIndex, Shard, SplitIndex

_SAMPLE = 24  # examples encoded first, to estimate their size


@dataclass(frozen=True)
class Export:
    """The settings that all shards share."""

    params: TfrecordParams  # the `tfrecord` block
    ranges: RandomTransforms  # the `augment.random` block
    mode: Mode  # of the canonical pixels, `sort.mode`
    classes: tuple[str, ...]  # names in the order of the labels
    white: int | None = None  # `sort.white`, which the sorted pictures have been through


@dataclass(frozen=True)
class Written:
    """One shard on disk, and the CRC-32 of the pixels of each of its examples, in order."""

    shard: Shard
    checksums: tuple[int, ...]


def write_records(
    plan: pd.DataFrame, export: Export, folder: Path
) -> tuple[RecordIndex, dict[str, tuple[int, ...]]]:
    """Write every row of the plan, and the index.

    Returns the index, and for every side the CRC-32 of each example's pixels, in export order.

    Raises:
        BakeoffError: a picture can no longer be read, or has an unknown class.
    """
    # The folds' copies change nothing of the sides' records.
    shard_examples = examples_per_shard(plan[plan["split"] != COPIES], export)
    parts = exported_parts(plan)
    jobs: list[tuple[str, pd.DataFrame, Path]] = []
    for side in parts:
        rows = plan[plan["split"] == side]
        count = math.ceil(len(rows) / shard_examples)
        bounds = np.linspace(0, len(rows), count + 1).astype(int)
        for number in range(count):
            name = shard_name(side, export.params, number, count)
            jobs.append((side, rows.iloc[bounds[number] : bounds[number + 1]], folder / name))
    written = map_shards(
        partial(_write_shard, export=export),
        [(rows, path) for _, rows, path in jobs],
        describe="writing records",
        remote=Remote(picture_digest, picture_digest()),
    )
    remove_leftovers(folder)
    sides = {
        side: [w for job, w in zip(jobs, written, strict=True) if job[0] == side] for side in parts
    }
    index = _index(plan, export, {side: [w.shard for w in sides[side]] for side in parts})
    index.write(folder)
    return index, {side: tuple(c for w in sides[side] for c in w.checksums) for side in parts}


def exported_parts(plan: pd.DataFrame) -> tuple[str, ...]:
    """The sides, and the folds' copies where the plan has some."""
    return (*SIDES, COPIES) if (plan["split"] == COPIES).any() else SIDES


def shard_name(side: str, params: TfrecordParams, number: int, count: int) -> str:
    """File name of a shard."""
    shape = f"{params.image_side}x{params.image_side}_{params.channels}"
    return f"{side}_{shape}_ds-{number:05d}-of-{count:05d}.tfrecord"


def examples_per_shard(plan: pd.DataFrame, export: Export) -> int:
    """How many examples fill `shard_megabytes`, from a sample spread evenly over the plan.

    The sample, and with it the shards, depend only on the plan and the pictures.
    """
    chosen = np.unique(np.linspace(0, len(plan) - 1, _SAMPLE).astype(int))
    rows = plan.iloc[chosen]
    sizes = [len(encode_picture(p, export.params)) for p in _render_all(rows, export)]
    # Ids and protocol buffer around each picture.
    overhead = 150
    return max(1, int(export.params.shard_megabytes * 1e6 / (np.mean(sizes) + overhead)))


def _write_shard(shard: tuple[pd.DataFrame, Path], *, export: Export) -> Written:
    """Decode, change, resize, encode and write the rows of one shard; pure but for the file."""
    rows, path = shard
    checksums = []
    labels = [_label(label, export.classes) for label in rows["label"]]
    facts = zip(labels, rows["image_id"], rows["transform"], rows["group"], strict=True)
    with replacing_file(path) as file, tf.io.TFRecordWriter(str(file)) as writer:
        for pixels, (label, *texts) in zip(_render_all(rows, export), facts, strict=True):
            checksums.append(zlib.crc32(pixels.data))
            writer.write(_example(encode_picture(pixels, export.params), label, texts))
    return Written(Shard(path.name, len(rows), sha256_of_file(path)), tuple(checksums))


def _label(name: str, classes: Sequence[str]) -> int:
    try:
        return classes.index(name)
    except ValueError:
        raise BakeoffError(
            f"data/augment/plan.csv: class '{name}' is not in data/interim/classes.json;"
            " run `dvc repro` from the sort stage on"
        ) from None


def _render_all(rows: pd.DataFrame, export: Export) -> Iterator[Pixels]:
    """The pixels of each row's record."""
    for path, transform, seed in zip(rows["path"], rows["transform"], rows["seed"], strict=True):
        yield render(path, transform, int(seed), export)


def render(path: str, transform: str, seed: int, export: Export) -> Pixels:
    """The pixels that a row of the plan asks for.

    Raises:
        BakeoffError: the picture is missing or damaged.
    """
    try:
        # The file has already passed the limit of the sort stage.
        picture = decode(Path(path), export.mode, max_pixels=sys.maxsize)
    except (OSError, PictureError) as error:
        reason = " ".join(str(error).split())
        raise BakeoffError(
            f"{path}: can no longer be read ({reason}); run `dvc repro --force sort`"
        ) from None
    return to_record_picture(picture, export.params, transform, seed, export.ranges)


def _example(image: bytes, label: int, texts: Sequence[str]) -> bytes:
    """A serialized `tf.train.Example`; `texts` are image_id, transform and group."""
    example = tf.train.Example()
    features = example.features.feature
    features["image"].bytes_list.value.append(image)
    features["label"].int64_list.value.append(label)
    for name, text in zip(("image_id", "transform", "group"), texts, strict=True):
        features[name].bytes_list.value.append(text.encode())
    # The order of a protocol buffer's map is unspecified.
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized


def _index(plan: pd.DataFrame, export: Export, shards: dict[str, list[Shard]]) -> RecordIndex:
    splits = {}
    for side, own in shards.items():
        rows = plan[plan["split"] == side]
        counts = rows["label"].value_counts()
        splits[side] = SplitIndex(
            examples=len(rows),
            originals=int((rows["transform"] == ORIGINAL).sum()),
            labels={name: int(counts.get(name, 0)) for name in export.classes},
            shards=tuple(own),
        )
    params = export.params
    return RecordIndex(
        height=params.image_side,
        width=params.image_side,
        channels=params.channels,
        encoding=params.encoding,
        fit=params.fit,
        equalize=params.equalize,
        classes=export.classes,
        splits=splits,
        mode=export.mode,
        white=export.white,
        jpeg_quality=params.jpeg_quality if params.encoding == "jpeg" else None,
    )
