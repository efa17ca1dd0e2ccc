"""Reading TFRecords with NumPy and Pillow alone.

This avoids TensorFlow's import, which takes seconds, where arrays are needed and not a
`tf.data.Dataset`. A record is a `tf.train.Example`, a protocol buffer of a dozen fields. The result
equals what TensorFlow reads, pixel by pixel.
"""

import io
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bakeoff.runtime.parallel import worker_count
from bakeoff.runtime.tables import SIDES
from bakeoff.tfrecord.index import (
    FOOTER,
    HEADER,
    RecordIndex,
    check_shards,
    read_index,
    record_places,
)

# Pictures decoded at a time: at 300 x 300 x 3 about 17 MB.
_BATCH = 64
_NUMBERS = 3  # the field of a `tf.train.Feature` that holds whole numbers, not bytes

Example = dict[str, Any]


@dataclass(frozen=True)
class RecordBatch:
    """Some examples of a side, in export order."""

    images: NDArray[np.uint8]  # (n, height, width, channels)
    labels: NDArray[np.int64]  # (n,)
    image_ids: NDArray[np.str_]  # (n,)
    transforms: NDArray[np.str_]  # (n,), "original" or the copy's transform
    groups: NDArray[np.str_]  # (n,)


def record_batches(folder: Path, split: str, *, decode: bool = True) -> Iterator[RecordBatch]:
    """A side of `data/processed`, batch by batch, in export order.

    Without `decode` the pictures are skipped; the array then has no channel.

    Raises:
        BakeoffError: the folder, the side or a shard is missing or damaged.
    """
    index = read_index(folder)
    examples = _examples(folder, split, index)
    with ThreadPoolExecutor(worker_count()) as pool:
        while batch := list(islice(examples, _BATCH)):
            texts = {
                name: np.array([example[name].decode() for example in batch], np.str_)
                for name in ("image_id", "transform", "group")
            }
            pictures = pool.map(lambda example: _decode(example, index), batch) if decode else ()
            none = np.empty((len(batch), index.height, index.width, 0), np.uint8)
            yield RecordBatch(
                np.stack(list(pictures)) if decode else none,
                np.array([example["label"] for example in batch], np.int64),
                texts["image_id"],
                texts["transform"],
                texts["group"],
            )


def read_pictures(folder: Path, split: str, places: Iterable[int]) -> dict[int, NDArray[np.uint8]]:
    """The pictures at some indices among a side's originals, each `(height, width, channels)`."""
    index = read_index(folder)
    originals = (e for e in _examples(folder, split, index) if e["transform"] == b"original")
    wanted = set(places)
    return {place: _decode(e, index) for place, e in enumerate(originals) if place in wanted}


def read_pictures_of(folder: Path, image_ids: Collection[str]) -> dict[str, NDArray[np.uint8]]:
    """The originals with these ids on any side, each `(height, width, channels)`, by id."""
    index = read_index(folder)
    wanted = {image_id.encode() for image_id in image_ids}
    return {
        example["image_id"].decode(): _decode(example, index)
        for side in SIDES
        if wanted
        for example in _examples(folder, side, index)
        if example["transform"] == b"original" and example["image_id"] in wanted
    }


def _examples(folder: Path, split: str, index: RecordIndex) -> Iterator[Example]:
    shards = index.split(split, folder).shards
    check_shards(folder, shards)
    return (parse_example(r) for shard in shards for r in _records(folder / shard.file))


def _records(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        for at, size in record_places(path):
            stream.seek(at + HEADER)
            yield stream.read(size - HEADER - FOOTER)


def parse_example(record: bytes) -> Example:
    """A `tf.train.Example` whose features hold one value each: bytes, or a whole number >= 0."""
    example: Example = {}
    for _, features in _fields(record):
        for _, entry in _fields(features):
            pair = dict(_fields(entry))
            ((kind, values),) = _fields(pair[2])
            ((_, value),) = _fields(values)
            example[pair[1].decode()] = _varint(value, 0)[0] if kind == _NUMBERS else value
    return example


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each field of a protocol buffer whose fields are all bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        length, at = _varint(message, at)
        yield tag >> 3, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, lowest first, and the offset after it."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _decode(example: Example, index: RecordIndex) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(example["image"])) as image:
        mode = "RGB" if index.channels == 3 else "L"
        pixels = np.asarray(image.convert(mode))
    return pixels.reshape(index.height, index.width, index.channels)
