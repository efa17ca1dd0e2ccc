"""One training of an entry of `models`: its inputs, its key and the files that carry the key."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bakeoff.params.found import Found
from bakeoff.params.models import ModelParams
from bakeoff.runtime.devices import Compute
from bakeoff.runtime.files import read_json
from bakeoff.runtime.fingerprints import code_sha256
from bakeoff.tfrecord.index import PICTURE_FACTS
from bakeoff.train.checkpoints import Checkpoint
from bakeoff.train.progress import Row

Kind = Literal["head", "fine_tuned", "from_scratch"]


@dataclass(frozen=True)
class Job:
    """One model to train, and where its inputs are."""

    name: str
    params: ModelParams
    facts: dict[str, Any]  # `features.json` of its features
    features: Path  # the folder of its features
    records: Path  # the folder of TFRecords
    resume: Path  # checkpoints of interrupted trainings on pictures
    seed: int
    compute: Compute
    loggers: Sequence[Callable[[int, Mapping[str, float]], None]] = ()
    events: Path | None = None  # the folder of TensorBoard's events, if requested

    def on_epoch(self, row: Row) -> None:
        """Pass on a finished epoch's metrics."""
        metrics = {k: v for k, v in row.items() if isinstance(v, float) and math.isfinite(v)}
        for log in self.loggers:
            log(row["epoch"], metrics)


def model_facts(job: Job, found: Found) -> dict[str, Any]:
    """The content of `metadata.json` that all kinds of training share."""
    facts = job.facts
    network = ("backbone", "weights", "image_side", "precision", "pooling")
    return {key: facts[key] for key in (*PICTURE_FACTS, *network)} | {
        "model": job.name,
        "kind": kind_of(job.params),
        "seed": job.seed,
        # Of a weights file only the name, because paths differ between machines.
        "params": job.params.model_dump(mode="json")
        | {"weights": facts["weights"]["requested"]}
        | found.facts(),
    }


def kind_of(params: ModelParams) -> Kind:
    """The kind of training that the entry asks for."""
    if params.from_scratch:
        return "from_scratch"
    return "fine_tuned" if params.fine_tune.epochs else "head"


def checkpoint_of(job: Job) -> Checkpoint:
    """The checkpoint of an interrupted training of exactly this job."""
    return Checkpoint(job.resume / f"{job.name}-{job_key(job)}")


def tensorboard_folder(job: Job) -> Path | None:
    """TensorBoard's folder of this job; other parameters have another folder."""
    if job.events is None or not job.params.train.tensorboard:
        return None
    return job.events / f"{job.name}-{job_key(job)}"


def job_key(job: Job) -> str:
    """Hash of a training's parameters, inputs, seed and code."""
    asked = {
        "params": job.params.model_dump(mode="json"),
        "facts": job.facts,
        "records": read_json(job.records / "index.json"),
        "seed": job.seed,
        "replicas": job.compute.replicas,
        "code": code_sha256("train"),
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def finish(job: Job) -> None:
    """Delete the checkpoint after the model has been written."""
    if kind_of(job.params) != "head":
        checkpoint_of(job).remove()
