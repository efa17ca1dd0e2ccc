"""The one training loop: heads on features, networks on pictures."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bakeoff.runtime.devices import Compute
from bakeoff.runtime.errors import BakeoffError, DivergedError
from bakeoff.runtime.progress_bar import progress_bar
from bakeoff.runtime.tf import keras, tf
from bakeoff.scoring.temperature import softmax
from bakeoff.train.epoch_metrics import epoch_metrics
from bakeoff.train.optimizers import PLATEAU_FACTOR, averaged_weights
from bakeoff.train.progress import Progress, Row
from bakeoff.train.tensorboard import loggable, start_tensorboard

logger = logging.getLogger(__name__)

# Losses are checked at this interval, because each check waits for the device.
_LOOK_EVERY = 50


@dataclass(frozen=True)
class Batch:
    """The examples of one training step."""

    inputs: Any  # (b, ...) float32
    targets: Any  # (b, k) float32, rows sum to one
    weights: Any  # (b,) float32, by class
    labels: NDArray[np.int64]  # (b,), before any mixing


class Examples(Protocol):
    """Training examples in batches."""

    @property
    def steps(self) -> int:
        """Batches in an epoch."""

    def batches(self, epoch: int) -> Iterable[Batch]:
        """The batches of one epoch, which depend only on the seed and the epoch."""


Logits = NDArray[np.float32]
Predict = Callable[[], tuple[NDArray[np.int64], Logits]]


@dataclass(frozen=True)
class Fitting:
    """Settings that are the same for all epochs."""

    classes: Sequence[str]
    train: Examples
    predict_val: Predict  # labels and logits of the validation side
    predict_train: Predict | None  # None: metrics from the predictions made while training
    compute: Compute
    monitor: str = "val_cohen_kappa"
    min_delta: float = 0.0
    patience: int | None = None  # epochs; None: no early stopping
    label_smoothing: float = 0.0
    plateau: bool = False  # halve the learning rate after each epoch without gain
    phase: str = "head"
    eligible: bool = True  # whether these epochs' weights may be kept as the best
    learning_rate_key: str = "train.learning_rate"  # for the message when the loss is NaN
    on_epoch: Callable[[Row], None] = lambda row: None
    save: Callable[[Progress], None] = lambda progress: None
    tensorboard: Path | None = None  # a folder for its events, one below it for each phase


def fit(
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    progress: Progress,
    last_epoch: int,
    fitting: Fitting,
) -> None:
    """Train `network` from the epoch of `progress` to `last_epoch`, or until early stopping.

    `network` maps inputs to logits `(n, k)` and keeps the weights of the last epoch; those of the
    best epoch are in `progress`.

    Raises:
        BakeoffError: the loss is NaN or infinite, or `monitor` is not a metric.
    """
    step = _make_step(network, optimizer, fitting)
    events = start_tensorboard(
        fitting.tensorboard, fitting.phase, network, optimizer, progress.history
    )
    while progress.epoch < last_epoch and not progress.is_over(fitting.patience):
        epoch, started = progress.epoch + 1, perf_counter()
        rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
        labels, logits, objective = _run_epoch(step, fitting, epoch, last_epoch)
        row: Row = {"epoch": epoch, "phase": fitting.phase, "learning_rate": rate}
        with averaged_weights(network, optimizer):
            if fitting.predict_train is not None:
                labels, logits = fitting.predict_train()
            row |= {"objective": objective} | _metrics(labels, logits, fitting.classes, "")
            row |= _metrics(*fitting.predict_val(), fitting.classes, "val_")
            check_monitor(fitting.monitor, row)
            progress.note(
                row,
                network.get_weights,
                monitor=fitting.monitor,
                min_delta=fitting.min_delta,
                eligible=fitting.eligible,
            )
        progress.seconds += perf_counter() - started
        if fitting.plateau and progress.waited:
            optimizer.learning_rate = rate * PLATEAU_FACTOR
        _say(row, last_epoch, fitting)
        fitting.on_epoch(row)
        if events is not None:
            events.on_epoch_end(epoch, loggable(row))
        fitting.save(progress)
    if events is not None:
        events.on_train_end()


def _metrics(
    labels: NDArray[np.int64], logits: Logits, classes: Sequence[str], prefix: str
) -> dict[str, float]:
    metrics = epoch_metrics(labels, softmax(logits), classes)
    return {f"{prefix}{name}": value for name, value in metrics.items()}


def _run_epoch(
    step: Callable[..., Any], fitting: Fitting, epoch: int, last_epoch: int
) -> tuple[NDArray[np.int64], Logits, float]:
    """One epoch: labels, the logits predicted during training, and the mean objective."""
    losses: list[Any] = []
    labels, logits = [], []
    with progress_bar(fitting.train.steps, f"epoch {epoch} of {last_epoch}", "batches") as bar:
        for batch in fitting.train.batches(epoch):
            loss, predicted = step(batch)
            losses.append(loss)
            labels.append(batch.labels)
            logits.append(predicted)
            if len(losses) % _LOOK_EVERY == 0:
                _check_finite(losses, epoch, fitting)
            bar.update(1)
    values = _check_finite(losses, epoch, fitting)
    kept = [np.asarray(p)[: len(n)] for p, n in zip(logits, labels, strict=True)]
    return np.concatenate(labels), np.concatenate(kept), float(values.mean())


def _check_finite(losses: list[Any], epoch: int, fitting: Fitting) -> NDArray[np.float64]:
    values = np.array([float(loss) for loss in losses])
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise DivergedError(
            f"the loss is no longer a number in epoch {epoch}, batch {bad[0] + 1} of "
            f"{fitting.train.steps}; lower '{fitting.learning_rate_key}' in params.yaml"
        )
    return values


def _make_step(
    network: keras.Model, optimizer: keras.optimizers.Optimizer, fitting: Fitting
) -> Callable[[Batch], tuple[Any, Any]]:
    """A function that trains on one batch and returns the objective and the logits."""
    strategy, replicas = fitting.compute.strategy, fitting.compute.replicas
    shape = network.input_shape[1:]

    def replica_step(inputs: Any, targets: Any, weights: Any, count: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            logits = network(inputs, training=True)
            losses = keras.losses.categorical_crossentropy(
                targets, logits, from_logits=True, label_smoothing=fitting.label_smoothing
            )
            # The mean over the whole batch, not over this replica's share.
            loss = tf.reduce_sum(losses * weights) / count
            if network.losses:
                loss += tf.add_n(network.losses) / replicas
            scaled = optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, network.trainable_variables)
        optimizer.apply(gradients, network.trainable_variables)
        return loss, logits

    # One graph for all batch lengths, because another graph might round differently.
    @tf.function(
        input_signature=[
            tf.TensorSpec((None, *shape), tf.float32),
            tf.TensorSpec((None, len(fitting.classes)), tf.float32),
            tf.TensorSpec((None,), tf.float32),
        ]
    )
    def step(inputs: Any, targets: Any, weights: Any) -> tuple[Any, Any]:
        count = tf.cast(tf.shape(inputs)[0], tf.float32)
        if replicas == 1:
            return replica_step(inputs, targets, weights, count)
        shares = [_shares(values, replicas, strategy) for values in (inputs, targets, weights)]
        losses, logits = strategy.run(replica_step, args=(*shares, count))
        total = strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)
        return total, tf.concat(strategy.experimental_local_results(logits), axis=0)

    return lambda batch: step(batch.inputs, batch.targets, batch.weights)


def _shares(values: Any, replicas: int, strategy: Any) -> Any:
    """Equal shares of a batch for the replicas; the last is padded with zeros of weight 0."""
    missing = -tf.shape(values)[0] % replicas
    padding = [[0, missing], *([0, 0] for _ in values.shape[1:])]
    parts = tf.split(tf.pad(values, padding), replicas)
    return strategy.experimental_distribute_values_from_function(
        lambda context: parts[context.replica_id_in_sync_group]
    )


def make_predict(network: keras.Model) -> Callable[[Iterable[Any]], Logits]:
    """A function from batches of inputs to their logits `(n, k)`, float32, in inference mode.

    Make it once per network, because each call of `make_predict` traces a graph.
    """
    signature = tf.TensorSpec((None, *network.input_shape[1:]), tf.float32)
    forward = tf.function(lambda x: network(x, training=False), input_signature=[signature])

    def predict(batches: Iterable[Any]) -> Logits:
        return np.concatenate([forward(tf.cast(x, tf.float32)).numpy() for x in batches])

    return predict


def check_monitor(monitor: str, row: Row) -> None:
    """Refuse a `monitor` that is not a metric of a finished epoch."""
    if monitor not in row or isinstance(row[monitor], str) or monitor == "epoch":
        known = ", ".join(k for k in row if k.startswith("val_"))
        raise BakeoffError(
            f"params.yaml: train.monitor is '{monitor}', which is no metric; give {known}, "
            "or one of these without val_"
        )


def _say(row: Row, last_epoch: int, fitting: Fitting) -> None:
    names = dict.fromkeys(["loss", "val_loss", "val_accuracy", fitting.monitor])
    shown = ", ".join(f"{name} {row[name]:.4f}" for name in names)
    logger.info("%s epoch %d/%d: %s", fitting.phase, row["epoch"], last_epoch, shown)
