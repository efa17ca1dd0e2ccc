"""Train many heads of one shape with one traced graph, whose values are replaced per member.

Tracing, Keras's optimiser and one call per batch take most of the time of a single head. Here an
epoch is one call, the optimiser makes one pass, and the graph is traced once per worker thread. The
members run in parallel, because an epoch does not hold Python's lock.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock, local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.params.training import HeadParams, TrainParams
from bakeoff.runtime.devices import reseed
from bakeoff.runtime.errors import DivergedError
from bakeoff.runtime.tf import keras, tf
from bakeoff.scoring.temperature import softmax
from bakeoff.train.checkpoints import assign
from bakeoff.train.epoch_metrics import epoch_metrics
from bakeoff.train.head_training import class_weights
from bakeoff.train.heads import build_head, feature_scaling, standardised
from bakeoff.train.loop import check_monitor
from bakeoff.train.optimizers import (
    PLATEAU_FACTOR,
    averaged_weights,
    build_optimizer,
    learning_rate,
)
from bakeoff.train.progress import Progress, Row

Logits = NDArray[np.float32]

# Keras draws the seeds of a network's layers from Python's generator, which threads share.
_BUILDING = Lock()


@dataclass(frozen=True)
class HeadMember:
    """One head: rows of the common features, and a seed."""

    train: NDArray[np.intp]  # (n,), originals and copies
    val: NDArray[np.intp]  # (m,), by which the epoch is chosen
    test: NDArray[np.intp]  # (t,), only predicted
    seed: int  # of initial weights, dropout and the order of the examples


@dataclass(frozen=True)
class Fitted:
    """Predictions of a trained member with its best epoch's weights."""

    val_logits: Logits  # (m, k)
    test_logits: Logits  # (t, k)
    best_epoch: int
    epochs: int


@dataclass(frozen=True)
class Heads:
    """Data and settings that all members share."""

    values: NDArray[np.float32]  # (N, d) float32 features, of every row that a member names
    labels: NDArray[np.int64]  # (N,) classes in 0..k-1
    classes: Sequence[str]  # the `k` class names
    head: HeadParams  # the head's shape, its `whiten` decided (`HeadParams.for_weights`)
    params: TrainParams  # how it is trained


def train_members(heads: Heads, members: Sequence[HeadMember], workers: int) -> Iterator[Fitted]:
    """Train every member; the results, in the members' order, do not depend on `workers`.

    A member equals the head of `train_head` for its rows and seed except for the last bits, because
    the optimiser rounds its sums differently. Each worker thread has its own graph and head.

    Raises:
        BakeoffError: a loss is no longer a number, or `monitor` is no metric.
    """
    own, starts = local(), _Starts(heads)

    def train(member: HeadMember) -> Fitted:
        if not hasattr(own, "trainer"):
            own.trainer = _Trainer(heads, starts)
        fitted: Fitted = own.trainer.train(member)
        return fitted

    pool = ThreadPoolExecutor(min(workers, len(members)) or 1)
    try:
        yield from pool.map(train, members)
    finally:
        # Also when interrupted: members that have not started are cancelled.
        pool.shutdown(cancel_futures=True)


class _Starts:
    """Untrained heads, and their values by seed: members of a repeat begin with the same ones."""

    def __init__(self, heads: Heads) -> None:
        self._heads = heads
        self._values: dict[int, list[NDArray[Any]]] = {}

    def head(self, seed: int) -> keras.Model:
        """An untrained head, built as in a fresh process with this seed; `_BUILDING` is held."""
        reseed(seed)
        head, dim = self._heads.head, self._heads.values.shape[1]
        width = head.whiten if isinstance(head.whiten, int) else dim
        return build_head(width, len(self._heads.classes), head)

    def values(self, seed: int) -> list[NDArray[Any]]:
        """The values of its variables."""
        with _BUILDING:
            if seed not in self._values:
                self._values[seed] = [np.array(v) for v in self.head(seed).variables]
        return self._values[seed]


class _Trainer:
    """A head, its optimiser, and the graphs of an epoch and of a prediction."""

    def __init__(self, heads: Heads, starts: _Starts) -> None:
        self._heads, self._starts, self._k = heads, starts, len(heads.classes)
        with _BUILDING:
            self._head = starts.head(0)
            # The rate of each step is an argument, because members differ in their number of steps.
            constant = heads.params.model_copy(update={"schedule": "constant"})
            self._optimizer = build_optimizer(constant, self._head, 1, fused=True)
            self._untouched = [np.array(v) for v in self._optimizer.variables]
            self._epoch, self._forward = self._trace()

    def train(self, member: HeadMember) -> Fitted:
        """Train one member from its own initial weights."""
        heads, params = self._heads, self._heads.params
        assign(self._head.variables, self._starts.values(member.seed))
        assign(self._optimizer.variables, self._untouched)
        labels, val_labels = heads.labels[member.train], heads.labels[member.val]
        train, val, test = self._standardised(member)
        weights = class_weights(params, labels, self._k)[labels]
        targets = tf.one_hot(labels, self._k)
        progress, rates = Progress(), _Rates(params, -(-len(labels) // params.batch))
        while progress.epoch < params.epochs and not progress.is_over(params.early_stopping):
            number = progress.epoch + 1
            order = np.random.default_rng([member.seed, number]).permutation(len(labels))
            objective = float(self._epoch(train, targets, weights, order, rates.of_epoch(number)))
            with averaged_weights(self._head, self._optimizer):
                row = self._row(number, objective, (val, val_labels), (train, labels))
                progress.note(
                    row, self._head.get_weights, monitor=params.monitor, min_delta=params.min_delta
                )
            if params.schedule == "plateau" and progress.waited:
                rates.lower()
        self._head.set_weights(progress.best_weights)
        val_logits, test_logits = (self._forward(side).numpy() for side in (val, test))
        return Fitted(val_logits, test_logits, progress.best_epoch, progress.epoch)

    def _standardised(self, member: HeadMember) -> tuple[Any, Any, Any]:
        """The features of the three parts, by the training part's moments, whitened if asked."""
        values = self._heads.values
        moments, kernel = feature_scaling(values[member.train], self._heads.head)
        rows = (member.train, member.val, member.test)
        parts = tuple(tf.constant(standardised(values[r], moments)) for r in rows)
        if kernel is None:
            return parts
        # Zeros where the training part has fewer directions: one graph serves all members.
        fixed = np.zeros((len(kernel), self._head.input_shape[1]), np.float32)
        fixed[:, : kernel.shape[1]] = kernel
        return tuple(tf.matmul(part, fixed) for part in parts)

    def _row(self, number: int, objective: float, val: Any, train: Any) -> Row:
        """The finished epoch's metrics; those of the training part only if `monitor` needs them."""
        monitor = self._heads.params.monitor
        row: Row = {"epoch": number, "objective": objective}
        sides = {"val_": val} if monitor.startswith("val_") else {"": train, "val_": val}
        for prefix, (values, labels) in sides.items():
            chances = softmax(self._forward(values).numpy())
            metrics = epoch_metrics(labels, chances, self._heads.classes)
            row |= {f"{prefix}{name}": value for name, value in metrics.items()}
        if not np.isfinite(objective):
            raise DivergedError(
                f"the loss is no longer a number in epoch {number} of a fold; lower "
                "'train.learning_rate' in params.yaml"
            )
        check_monitor(monitor, row)
        return row

    def _trace(self) -> tuple[Any, Any]:
        """Functions for any number of rows, because another graph might round differently."""
        head, optimizer, params = self._head, self._optimizer, self._heads.params
        batch = params.batch
        rows = tf.TensorSpec((None, head.input_shape[1]), tf.float32)
        spec = [rows, tf.TensorSpec((None, self._k)), tf.TensorSpec((None,))]
        spec += [tf.TensorSpec((None,), tf.int64), tf.TensorSpec((None,))]

        def step(x: Any, targets: Any, weights: Any) -> Any:
            with tf.GradientTape() as tape:
                losses = keras.losses.categorical_crossentropy(
                    targets,
                    head(x, training=True),
                    from_logits=True,
                    label_smoothing=params.label_smoothing,
                )
                loss = tf.reduce_mean(losses * weights)
                if head.losses:
                    loss += tf.add_n(head.losses)
            optimizer.apply(tape.gradient(loss, head.trainable_variables), head.trainable_variables)
            return loss

        @tf.function(input_signature=spec)
        def epoch(x: Any, targets: Any, weights: Any, order: Any, rates: Any) -> Any:
            total = 0.0
            for number in tf.range(tf.size(rates)):
                chosen = order[number * batch : (number + 1) * batch]
                optimizer.learning_rate.assign(rates[number])
                total += step(*(tf.gather(part, chosen) for part in (x, targets, weights)))
            return total / tf.cast(tf.size(rates), tf.float32)

        forward = tf.function(lambda x: head(x, training=False), input_signature=[rows])
        return epoch.get_concrete_function(), forward.get_concrete_function()


class _Rates:
    """The learning rate of each step of each epoch."""

    def __init__(self, params: TrainParams, steps: int) -> None:
        self._steps = steps
        self._factor = 1.0
        self._rate = learning_rate(params, steps)

    def of_epoch(self, number: int) -> NDArray[np.float32]:
        """Shape `(steps,)`; epochs count from 1."""
        if isinstance(self._rate, float):
            return np.full(self._steps, self._rate * self._factor, np.float32)
        first = (number - 1) * self._steps
        return np.array([self._rate(first + step) for step in range(self._steps)], np.float32)

    def lower(self) -> None:
        """Lower the rate after an epoch without gain (schedule `plateau`)."""
        self._factor *= PLATEAU_FACTOR
