"""Compute frozen features: one forward pass per picture, streamed to disk in bounded memory."""

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
from bakeoff.tfrecord.reading import read_records

# Chosen by benchmarks/bench_train.py: larger batches were no faster and took more memory.
BATCH = 32


def extract(encoder: keras.Model, records: Path, split: str, count: int, folder: Path) -> None:
    """Write the features of one side as `<split>.npy` and its examples as `<split>.csv`.

    The encoder maps pictures `(n, h, w, c)` to features `(n, d)`, float32; rows are in export
    order.
    """
    forward = _compiled(encoder)
    parts, done = [], 0
    # Written, not memory-mapped: a full disk then raises an error instead of killing the process.
    with (
        (folder / f"{split}.npy").open("wb") as target,
        progress_bar(count, f"{split} features", "pictures") as bar,
    ):
        shape = (count, int(encoder.output_shape[-1]))
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(target, header)
        for batch in read_records(records, split, batch=BATCH):
            values = forward(tf.cast(batch["image"], tf.float32)).numpy()
            _check_finite(values, split)
            target.write(np.ascontiguousarray(values, "<f4").data)
            done += len(values)
            parts.append({k: batch[k].numpy() for k in ("image_id", "transform", "label", "group")})
            bar.update(len(values))
    if done != count:
        raise ValueError(f"{records}: the {split} side holds {done} examples, not {count}")
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
    columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    table = pd.DataFrame(
        {
            key: values if key == "label" else [text.decode() for text in values]
            for key, values in columns.items()
        }
    )
    write_table(table, path)
