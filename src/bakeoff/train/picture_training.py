"""Training on pictures: fine-tuning after a trained head, or a whole network from scratch."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bakeoff.features.sides import Side
from bakeoff.params.models import ModelParams
from bakeoff.params.training import HeadParams, Resolution
from bakeoff.runtime.devices import Compute
from bakeoff.runtime.tf import keras
from bakeoff.train.checkpoints import Checkpoint, assign, values_of
from bakeoff.train.head_training import class_weights
from bakeoff.train.loop import Fitting, fit, make_predict
from bakeoff.train.optimizers import OptimizerParams, build_optimizer
from bakeoff.train.picture_examples import PictureExamples, originals
from bakeoff.train.progress import Progress, Row

logger = logging.getLogger(__name__)

Build = Callable[[Resolution], keras.Model]


@dataclass(frozen=True)
class PictureJob:
    """Inputs and settings of a training on pictures."""

    params: ModelParams
    classes: Sequence[str]
    records: Path  # the folder of TFRecords
    train: Side  # its examples; feature vectors are not used
    val: Side  # the same without copies
    build: Build  # a network for pictures of a step's side, to logits
    checkpoint: Checkpoint
    seed: int
    compute: Compute
    on_epoch: Callable[[Row], None]
    tensorboard: Path | None = None  # a folder for its events

    @property
    def phase(self) -> str:
        """The name of these epochs in the history."""
        return "scratch" if self.params.from_scratch else "fine_tune"

    @property
    def recipe(self) -> OptimizerParams:
        """Epochs, batch, optimiser and schedule."""
        return self.params.train if self.params.from_scratch else self.params.fine_tune


def resolution_steps(params: ModelParams) -> tuple[Resolution, ...]:
    """The steps of progressive resizing; without it, one at the model's own side."""
    recipe = params.train if params.from_scratch else params.fine_tune
    whole = Resolution(image_side=params.image_side, epochs=recipe.epochs)
    return params.fine_tune.progressive or (whole,)


def head_at(step: Resolution, params: ModelParams) -> HeadParams:
    """The head's parameters; a step of progressive resizing may replace the dropout."""
    if not params.fine_tune.progressive:
        return params.head
    return params.head.model_copy(update={"dropout": step.dropout})


def train_on_pictures(
    job: PictureJob, progress: Progress
) -> tuple[keras.Model, Progress, NDArray[np.float32]]:
    """Train step by step, starting from the checkpoint of a killed run if there is one.

    `progress` is that of the head's training, or new. With a head, the network that `job.build`
    first returns is the best so far.

    Returns:
        The network with its best epoch's weights, the progress, and the logits `(n, k)` of the
        validation side. Only epochs at the last, the model's own side can be the best.
    """
    steps = resolution_steps(job.params)
    ends = [progress.epoch + done for done in accumulate(step.epochs for step in steps)]
    kept = job.checkpoint.load()
    first, progress = kept if kept is not None else (0, progress)
    if kept is not None:
        logger.info("resuming after epoch %d of an interrupted training", progress.epoch)
        for row in progress.history:
            job.on_epoch(row)
    before: _Training | None = None
    for index in range(first, len(steps)):
        now = _Training(job, index, steps)
        if before is not None:
            now.go_on_from(before)
        if kept is not None and index == first:
            job.checkpoint.restore(now.network, now.optimizer)
        else:
            progress.renew_patience()
        if progress.best_epoch and kept is None and index == 0:
            # The best so far is the trained head on the unchanged backbone.
            progress.best_weights = now.network.get_weights()
        fit(now.network, now.optimizer, progress, ends[index], now.fitting())
        before = now
    now.network.set_weights(progress.best_weights)
    return now.network, progress, now.predict_val()


class _Training:
    """One step of progressive resizing: a network at its side, its optimiser, its pictures."""

    def __init__(self, job: PictureJob, index: int, steps: Sequence[Resolution]) -> None:
        self.job, self.index, self.step = job, index, steps[index]
        self.is_last = index == len(steps) - 1
        weights = class_weights(job.params.train, job.train.labels, len(job.classes))
        self.examples = PictureExamples(
            job.records,
            len(job.train.labels),
            side=self.step.image_side,
            batch=job.recipe.batch,
            class_weights=weights,
            augmentation=job.params.fine_tune.augmentation,
            strength=self.step.augmentation,
            seed=job.seed,
        )
        with job.compute.strategy.scope():
            self.network = job.build(self.step)
            self.optimizer = build_optimizer(
                job.recipe, self.network, self.examples.steps, job.params.precision
            )
        self._predict = make_predict(self.network)

    def go_on_from(self, before: "_Training") -> None:
        """Copy the weights of an earlier step; no weight depends on the pictures' side."""
        self.network.set_weights(before.network.get_weights())
        assign(self.optimizer.variables, values_of(before.optimizer.variables))

    def predict_val(self) -> NDArray[np.float32]:
        """Logits `(n, k)` of the validation side's originals."""
        return self._predict(originals(self.job.records, "val", self.step.image_side))

    def fitting(self) -> Fitting:
        """The settings of this step, which writes a checkpoint after every epoch."""
        job, train = self.job, self.job.params.train
        block = "train" if job.params.from_scratch else "fine_tune"
        return Fitting(
            classes=job.classes,
            train=self.examples,
            predict_val=lambda: (job.val.labels, self.predict_val()),
            predict_train=None,
            compute=job.compute,
            monitor=train.monitor,
            min_delta=train.min_delta,
            patience=job.recipe.early_stopping if self.is_last else None,
            label_smoothing=train.label_smoothing,
            plateau=job.recipe.schedule == "plateau",
            phase=job.phase,
            eligible=self.is_last,
            learning_rate_key=f"{block}.learning_rate",
            on_epoch=job.on_epoch,
            tensorboard=job.tensorboard,
            save=lambda progress: job.checkpoint.save(
                self.index, self.network, self.optimizer, progress
            ),
        )
