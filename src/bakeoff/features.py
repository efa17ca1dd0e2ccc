"""Frozen features: each picture through the backbone once, streamed to disk in bounded memory."""

import logging
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm import tqdm

from bakeoff.records import read_records

logger = logging.getLogger(__name__)

# Chosen by benchmarks/bench_train.py: larger batches were no faster and took more memory.
BATCH = 32

_CALIBRATION_PICTURES = 64


def extract(encoder: keras.Model, records: Path, split: str, count: int, folder: Path) -> None:
    """Write the features of one side as `<split>.npy` and its examples as `<split>.csv`.

    Args:
        encoder: From pictures `(n, h, w, c)` to features `(n, d)`, float32.
        records: The folder of TFRecords.
        split: `train`, `val` or `test`.
        count: How many examples the side holds.
        folder: Where to write; rows stand in export order.
    """
    dim = int(encoder.output_shape[-1])
    target = np.lib.format.open_memmap(
        folder / f"{split}.npy", mode="w+", dtype=np.float32, shape=(count, dim)
    )
    forward = tf.function(lambda pictures: encoder(pictures, training=False), reduce_retracing=True)
    parts, start = [], 0
    with tqdm(total=count, desc=f"{split} features", unit="picture", disable=None, delay=2) as bar:
        for batch in read_records(records, split, batch=BATCH):
            values = forward(tf.cast(batch["image"], tf.float32)).numpy()
            target[start : start + len(values)] = values
            start += len(values)
            parts.append({k: batch[k].numpy() for k in ("image_id", "transform", "label", "group")})
            bar.update(len(values))
    target.flush()
    if start != count:
        raise ValueError(f"{records}: the {split} side holds {start} examples, not {count}")
    _write_examples(parts, folder / f"{split}.csv")


def _write_examples(parts: list[dict[str, Any]], path: Path) -> None:
    columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    table = pd.DataFrame(
        {
            key: values if key == "label" else [text.decode() for text in values]
            for key, values in columns.items()
        }
    )
    table.to_csv(path, index=False, lineterminator="\n")


def calibrate_batch_norm(encoder: keras.Model, backbone: keras.Model, records: Path) -> bool:
    """Give a random backbone's batch normalisation the statistics of some training pictures.

    Without it the signal fades or swells from block to block, for a random network's batch
    normalisation knows nothing of its inputs; with it every layer passes on a spread of values,
    as in data-dependent initialisation (Mishkin & Matas, "All you need is a good init", 2016).

    Returns:
        Whether the backbone has batch normalisation at all.
    """
    layers = [la for la in backbone.layers if isinstance(la, keras.layers.BatchNormalization)]
    if not layers:
        return False
    pictures = next(iter(read_records(records, "train", batch=_CALIBRATION_PICTURES)))["image"]
    droppers = [la for la in backbone.layers if isinstance(la, keras.layers.Dropout)]
    kept = [(la, la.rate) for la in droppers], [(la, la.momentum) for la in layers]
    for layer in droppers:
        layer.rate = 0.0
    for layer in layers:
        layer.momentum = 0.0
    encoder(tf.cast(pictures, tf.float32), training=True)
    for layer, rate in kept[0]:
        layer.rate = rate
    for layer, momentum in kept[1]:
        layer.momentum = momentum
    return True
