"""Train a head on cached features, without the backbone."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bakeoff.features.sides import Side
from bakeoff.params.training import HeadParams, TrainParams
from bakeoff.runtime.devices import Compute
from bakeoff.runtime.tf import keras
from bakeoff.train.heads import build_head, feature_scaling
from bakeoff.train.loop import Batch, Fitting, fit, make_predict
from bakeoff.train.optimizers import build_optimizer
from bakeoff.train.progress import Progress, Row

# Rows of features predicted at a time.
_ROWS = 1024


class FeatureExamples:
    """Cached features in batches, in a new random order each epoch."""

    def __init__(
        self, side: Side, classes: int, batch: int, class_weights: NDArray[np.float32], seed: int
    ) -> None:
        """Keep references; nothing is copied yet."""
        self._side = side
        self._targets = np.eye(classes, dtype=np.float32)
        self._class_weights = class_weights
        self._batch = batch
        self._seed = seed

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-len(self._side.labels) // self._batch)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch, which depend only on the seed and the epoch."""
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._side.labels))
        for start in range(0, len(order), self._batch):
            rows = order[start : start + self._batch]
            labels = self._side.labels[rows]
            yield Batch(
                self._side.values[rows],
                self._targets[labels],
                self._class_weights[labels],
                labels,
            )


def class_weights(params: TrainParams, labels: NDArray[np.int64], k: int) -> NDArray[np.float32]:
    """The weight of each class, shape `(k,)`: balanced, or 1."""
    if params.class_weights == "balanced":
        return balanced_class_weights(labels, k)
    return np.ones(k, np.float32)


def balanced_class_weights(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """`n / (k n_c)` for each class, shape `(classes,)`, as in scikit-learn; 0 for an empty class.

    `k` is the number of classes with a picture.
    """
    counts = np.bincount(labels, minlength=classes)
    held = counts > 0
    weights = np.zeros(classes)
    weights[held] = len(labels) / (held.sum() * counts[held])
    return weights.astype(np.float32)


def _blocks(values: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    return (values[start : start + _ROWS] for start in range(0, len(values), _ROWS))


def train_head(
    train: Side,
    val: Side,
    classes: Sequence[str],
    head_params: HeadParams,
    params: TrainParams,
    *,
    seed: int,
    compute: Compute,
    on_epoch: Callable[[Row], None] = lambda row: None,
    train_metrics: bool = True,
    tensorboard: Path | None = None,
) -> tuple[keras.Model, Progress, NDArray[np.float32]]:
    """Train a head on the features of the training side.

    Args:
        train: Examples with features `(n, d)`.
        val: Examples that decide on the best epoch.
        classes: Class names.
        head_params: The head's shape; `whiten: auto` whitens nothing here, since only the caller
            knows the backbone's weights (`HeadParams.for_weights`).
        params: How it is trained.
        seed: Of the order of the examples; initial weights and dropout follow the process's seed.
        compute: The devices.
        on_epoch: Called with each finished epoch's row of the history.
        train_metrics: Predict the training side after each epoch; otherwise its metrics come from
            the predictions made during training. The head is the same.
        tensorboard: A folder for TensorBoard's events; None writes none.

    Returns:
        The head with its best epoch's weights, how the training went, and the logits `(n, k)` of
        the validation side.
    """
    k = len(classes)
    weights = class_weights(params, train.labels, k)
    examples = FeatureExamples(train, k, params.batch, weights, seed)
    scaling = feature_scaling(train.values, head_params)
    with compute.strategy.scope():
        head = build_head(train.values.shape[1], k, head_params, *scaling)
        optimizer = build_optimizer(params, head, examples.steps)
    progress, predict = Progress(), make_predict(head)

    def predict_train() -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        return train.labels, predict(_blocks(train.values))

    fitting = Fitting(
        classes=classes,
        train=examples,
        predict_val=lambda: (val.labels, predict(_blocks(val.values))),
        predict_train=predict_train if train_metrics else None,
        compute=compute,
        monitor=params.monitor,
        min_delta=params.min_delta,
        patience=params.early_stopping,
        label_smoothing=params.label_smoothing,
        plateau=params.schedule == "plateau",
        on_epoch=on_epoch,
        tensorboard=tensorboard,
    )
    fit(head, optimizer, progress, params.epochs, fitting)
    head.set_weights(progress.best_weights)
    return head, progress, predict(_blocks(val.values))
