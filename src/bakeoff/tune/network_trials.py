"""Trials of one entry of `models`: heads on cached features, other networks on pictures."""

import gc
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bakeoff.features.sides import read_feature_side
from bakeoff.params.found import with_values
from bakeoff.runtime.devices import start_afresh
from bakeoff.runtime.files import read_json
from bakeoff.train.head_training import train_head
from bakeoff.train.job import Job, finish, kind_of
from bakeoff.train.model_training import train_model
from bakeoff.train.progress import Row
from bakeoff.tune.searching import side_sha256
from bakeoff.tune.study import Objective, Outcome, Report

_KAPPA = "val_cohen_kappa"


def network_objective(job: Job) -> tuple[Objective, dict[str, Any]]:
    """The objective of `job`'s trials, and the key of their data.

    Every trial starts with the seeds of a fresh process, as `train` does, so `train` reproduces
    the network of the best trial exactly.
    """
    logging.getLogger("bakeoff.train.loop").setLevel(logging.WARNING)
    # Each trial starts with a garbage collection; existing objects, mainly TensorFlow, are exempt.
    gc.freeze()
    inputs = {key: job.facts[key] for key in ("classes", "weights", "precision", "pooling")}
    inputs["replicas"] = job.compute.replicas
    if kind_of(job.params) == "head":
        return _head_objective(job, inputs)
    shards = read_json(job.records / "index.json")["splits"]

    def objective(values: Mapping[str, Any], report: Report) -> Outcome:
        trial = _trial(job, values, report)
        try:
            trained, _, _ = train_model(trial)
        finally:
            finish(trial)
        return _outcome(trained.history, trained.best_epoch)

    return objective, inputs | {"records": [shards[side] for side in ("train", "val")]}


def _head_objective(job: Job, inputs: dict[str, Any]) -> tuple[Objective, dict[str, Any]]:
    train, val = (read_feature_side(job.features, side) for side in ("train", "val"))
    originals = val.originals()

    def objective(values: Mapping[str, Any], report: Report) -> Outcome:
        trial = _trial(job, values, report)
        params = trial.params
        _, progress, _ = train_head(
            train,
            originals,
            job.facts["classes"],
            params.head.for_weights(job.facts["weights"]["kind"]),
            params.train,
            seed=job.seed,
            compute=job.compute,
            on_epoch=trial.on_epoch,
            train_metrics=not params.train.monitor.startswith("val_"),
        )
        return _outcome(progress.history, progress.best_epoch)

    return objective, inputs | {"train": side_sha256(train), "val": side_sha256(val)}


def _trial(job: Job, values: Mapping[str, Any], report: Report) -> Job:
    """Run the job of one trial, with the process reset as if it were new."""
    start_afresh(job.seed)

    def log(epoch: int, metrics: Mapping[str, float]) -> None:
        report(epoch, metrics.get(_KAPPA, math.nan))

    return replace(job, params=with_values(job.params, values), loggers=[log])


def _outcome(history: Sequence[Row], best_epoch: int) -> Outcome:
    return Outcome(float(history[best_epoch - 1][_KAPPA]), best_epoch, len(history))
