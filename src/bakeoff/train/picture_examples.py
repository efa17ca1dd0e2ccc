"""Pictures from TFRecords as batches to train on, and to predict."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.params.training import LiveAugmentation
from bakeoff.runtime.tf import tf
from bakeoff.tfrecord.reading import read_records
from bakeoff.train.live_augmentation import augment, is_active, mix
from bakeoff.train.loop import Batch

_ORIGINAL = b"original"
_PREDICTED = 32  # pictures predicted at a time


class PictureExamples:
    """The training side's pictures, shuffled, resized and changed differently each epoch."""

    def __init__(
        self,
        records: Path,
        count: int,
        *,
        side: int,
        batch: int,
        class_weights: NDArray[np.float32],
        augmentation: LiveAugmentation,
        strength: float,
        seed: int,
    ) -> None:
        """Keep the settings; nothing is read yet."""
        self._records = records
        self._count = count
        self._side = side
        self._batch = batch
        self._class_weights = tf.constant(class_weights)
        self._augmentation = augmentation
        self._seed = seed
        # Traced once, not once an epoch.
        self._change = tf.function(
            lambda picture, draw: augment(picture, draw, augmentation, strength)
        )
        self._mix = tf.function(
            lambda pictures, targets, draw: mix(pictures, targets, draw, augmentation)
        )

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-self._count // self._batch)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch, which depend only on the seed and the epoch."""
        state = np.random.SeedSequence([self._seed, epoch]).generate_state(2)
        order, changes = (int(n) >> 1 for n in state)
        pictures = read_records(self._records, "train", shuffle_seed=order, check=False)
        parallel = tf.data.AUTOTUNE
        dataset = (
            pictures.enumerate()
            .map(lambda index, example: self._prepare(index, example, changes), parallel)
            .batch(self._batch)
            .enumerate()
            .map(lambda index, batch: self._finish(index, batch, changes), parallel)
            .prefetch(2)
        )
        for inputs, targets, weights, labels in dataset:
            yield Batch(inputs, targets, weights, labels.numpy())

    def _prepare(self, index: Any, example: dict[str, Any], changes: int) -> tuple[Any, Any]:
        picture = resize(example["image"], self._side)
        if is_active(self._augmentation):
            seed = tf.stack([tf.constant(changes, tf.int64), index])
            picture = self._change(picture, seed)
        return picture, example["label"]

    def _finish(self, index: Any, batch: tuple[Any, Any], changes: int) -> tuple[Any, ...]:
        pictures, labels = batch
        targets = tf.one_hot(labels, len(self._class_weights))
        if self._augmentation.mixup or self._augmentation.cutmix:
            # Negative, to differ from the seeds of single pictures.
            seed = tf.stack([tf.constant(changes, tf.int64), -1 - index])
            pictures, targets = self._mix(pictures, targets, seed)
        weights = tf.linalg.matvec(targets, self._class_weights)
        return pictures, targets, weights, labels


def resize(picture: Any, side: int) -> Any:
    """A picture `(h, w, c)` as `(side, side, c)`, float32, just as the exported model does it."""
    resized = tf.image.resize(tf.cast(picture, tf.float32), (side, side))
    return tf.ensure_shape(resized, (side, side, picture.shape[-1]))


def originals(records: Path, split: str, side: int) -> tf.data.Dataset:
    """Batches of a side's pictures without copies, in export order, float32 at `side` pixels."""
    return (
        read_records(records, split, check=False)
        .filter(lambda example: example["transform"] == _ORIGINAL)
        .map(lambda example: resize(example["image"], side), tf.data.AUTOTUNE)
        .batch(_PREDICTED)
        .prefetch(2)
    )
