"""Compute frozen features: one forward pass per picture, streamed to disk in bounded memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.progress_bar import progress_bar
from bakeoff.runtime.tables import write_table
from bakeoff.runtime.tf import keras, tf
from bakeoff.tfrecord.index import Shard
from bakeoff.tfrecord.reading import read_records

# Chosen by benchmarks/bench_train.py: larger batches were no faster and took more memory.
BATCH = 32
_COLUMNS = ("image_id", "transform", "label", "group")


@dataclass(frozen=True)
class Encoded:
    """Some pictures' features `(n, d)`, little-endian float32, and n values of each column."""

    values: NDArray[np.float32]
    examples: dict[str, NDArray[Any]]  # image_id, transform, label, group


def encoded_batches(
    encoder: keras.Model, records: Path, split: str, shards: Sequence[Shard] | None = None
) -> Iterator[Encoded]:
    """The features of a side, or of some of its shards, in export order.

    The encoder maps pictures `(n, h, w, c)` to features `(n, d)`, float32. A batch ends with its
    shard: the features are then the same, to the last bit, where shards are computed apart.

    Raises:
        BakeoffError: a shard is damaged, or the features are not finite.
    """
    forward = _compiled(encoder)
    for batch in read_records(records, split, batch=BATCH, shards=shards, by_shard=True):
        values = forward(tf.cast(batch["image"], tf.float32)).numpy()
        _check_finite(values, split)
        yield Encoded(
            np.ascontiguousarray(values, "<f4"), {key: batch[key].numpy() for key in _COLUMNS}
        )


def joined(parts: Sequence[Encoded]) -> Encoded:
    """Several batches as one."""
    columns = {key: np.concatenate([part.examples[key] for part in parts]) for key in _COLUMNS}
    return Encoded(np.concatenate([part.values for part in parts]), columns)


def write_side(
    batches: Iterable[Encoded], shape: tuple[int, int], split: str, folder: Path
) -> None:
    """Write the features of one side as `<split>.npy` and its examples as `<split>.csv`.

    `shape` is that of all features, `(n, d)`.
    """
    parts, done = [], 0
    # Written, not memory-mapped: a full disk then raises an error instead of killing the process.
    with (
        (folder / f"{split}.npy").open("wb") as target,
        progress_bar(shape[0], f"{split} features", "pictures") as bar,
    ):
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(target, header)
        for batch in batches:
            target.write(batch.values.data)
            done += len(batch.values)
            parts.append(batch.examples)
            bar.update(len(batch.values))
    if done != shape[0]:
        raise ValueError(f"the records of the {split} side hold {done} examples, not {shape[0]}")
    _write_examples(parts, folder / f"{split}.csv")


@lru_cache(maxsize=1)
def _compiled(encoder: keras.Model) -> Any:
    """The forward pass, traced once for all sides and for any number of pictures."""
    shape = tf.TensorSpec([None, *encoder.inputs[0].shape[1:]], tf.float32)
    return tf.function(lambda pictures: encoder(pictures, training=False), input_signature=[shape])


def _check_finite(values: NDArray[np.float32], split: str) -> None:
    if not np.isfinite(values).all():
        raise BakeoffError(
            f"features of the {split} side are not finite: the backbone's numbers overflowed; set "
            "the model's 'precision' in params.yaml to float32 or mixed_bfloat16"
        )


def _write_examples(parts: list[dict[str, Any]], path: Path) -> None:
    columns = {key: np.concatenate([part[key] for part in parts]) for key in _COLUMNS}
    table = pd.DataFrame(
        {
            key: values if key == "label" else [text.decode() for text in values]
            for key, values in columns.items()
        }
    )
    write_table(table, path)
