"""A folder of TFRecords with a few coloured, striped pictures, for tests."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bakeoff.runtime.files import sha256_of_file
from bakeoff.tfrecord.index import RecordIndex, Shard, SplitIndex

CLASSES = ("amber", "blue", "coral")
COUNTS = {"train": 24, "val": 12, "test": 9}


def picture(label: int, seed: int, side: int = 40, channels: int = 3) -> NDArray[np.uint8]:
    """A noisy picture whose stripes and colour tell its class."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 120, (side, side, channels)).astype(np.int64)
    pixels[:, :: label + 2] += 60
    pixels[..., label % channels] += 60
    return np.clip(pixels, 0, 255).astype(np.uint8)


def write_tiny_records(
    folder: Path, side: int = 40, channels: int = 3, fit: str = "stretch"
) -> RecordIndex:
    """Two shards of training pictures, half of them copies, and one of each other side."""
    folder.mkdir(parents=True, exist_ok=True)
    splits = {name: _write_side(folder, name, side, channels) for name in COUNTS}
    index = RecordIndex(side, side, channels, "png", fit, "none", CLASSES, splits)
    index.write(folder)
    return index


def _write_side(folder: Path, name: str, side: int, channels: int) -> SplitIndex:
    rows = list(range(COUNTS[name]))
    parts = [rows[::2], rows[1::2]] if name == "train" else [rows]
    shards = []
    for number, part in enumerate(parts):
        file = (
            folder / f"{name}_{side}x{side}_{channels}_ds-{number:05d}-of-{len(parts):05d}.tfrecord"
        )
        with tf.io.TFRecordWriter(str(file)) as writer:
            for row in part:
                copied = name == "train" and number == 1
                writer.write(_example(name, row, side, channels, copied=copied))
        shards.append(Shard(file.name, len(part), sha256_of_file(file)))
    labels = {c: sum(row % 3 == i for row in rows) for i, c in enumerate(CLASSES)}
    return SplitIndex(len(rows), len(rows) // len(parts), labels, tuple(shards))


def _example(name: str, row: int, side: int, channels: int, *, copied: bool) -> bytes:
    pixels = picture(row % 3, hash_of(name) + row, side, channels)
    pixels = pixels[:, ::-1] if copied else pixels
    example = tf.train.Example()
    features = example.features.feature
    features["image"].bytes_list.value.append(tf.io.encode_png(pixels).numpy())
    features["label"].int64_list.value.append(row % 3)
    texts = {
        "image_id": f"{name}{row:027d}",
        "transform": "mirror_horizontal" if copied else "original",
        "group": f"person{row}",
    }
    for key, text in texts.items():
        features[key].bytes_list.value.append(text.encode())
    return example.SerializeToString(deterministic=True)


def hash_of(name: str) -> int:
    """A number for each side, the same in every process."""
    return 1000 * sum(map(ord, name))
