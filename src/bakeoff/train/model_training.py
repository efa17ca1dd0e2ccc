"""Train one entry of `models`: head, fine-tuning, or from scratch."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bakeoff.features.backbones import encode, picture_input, resized
from bakeoff.features.sides import Side, read_feature_side, read_record_side
from bakeoff.features.stored_backbone import load_backbone
from bakeoff.params.training import Resolution
from bakeoff.runtime.tf import keras
from bakeoff.train.head_training import train_head
from bakeoff.train.heads import build_head, feature_moments, feature_scaling, standardised
from bakeoff.train.job import Job, checkpoint_of, tensorboard_folder
from bakeoff.train.network_files import Trained
from bakeoff.train.networks import (
    build_cnn,
    network_channels,
    picture_network,
    quicken_batch_norm,
    to_channels,
    unfreeze,
)
from bakeoff.train.original_pictures import as_records
from bakeoff.train.picture_training import PictureJob, head_at, train_on_pictures
from bakeoff.train.progress import Progress
from bakeoff.train.whitening import warn_of_few_directions


def train_model(job: Job) -> tuple[Trained, Side, Side]:
    """Train the model; returns it with the training and the validation side."""
    if job.params.from_scratch:
        return _train_from_scratch(job)
    train, val = (read_feature_side(job.features, side) for side in ("train", "val"))
    originals = val.originals()
    head_params = job.params.head.for_weights(job.facts["weights"]["kind"])
    warn_of_few_directions(
        job.name, standardised(train.values, feature_moments(train.values)), head_params
    )
    head, progress, val_logits = train_head(
        train,
        originals,
        job.facts["classes"],
        head_params,
        job.params.train,
        seed=job.seed,
        compute=job.compute,
        on_epoch=job.on_epoch,
        tensorboard=tensorboard_folder(job),
    )
    if job.params.fine_tune.epochs:
        return _fine_tune(job, head, progress, train, val)
    backbone = load_backbone(job.features, job.facts)
    return _trained(job, backbone, head, progress, val_logits, frozen=True), train, val


def _fine_tune(
    job: Job, head: keras.Model, progress: Progress, train: Side, val: Side
) -> tuple[Trained, Side, Side]:
    """Fine-tune the trained head together with the last layers of the backbone."""
    kind = job.facts["weights"]["kind"]
    scaling = feature_scaling(train.values, job.params.head.for_weights(kind))

    def build(step: Resolution) -> keras.Model:
        backbone = load_backbone(job.features, job.facts, step.image_side)
        unfreeze(backbone, job.params.fine_tune.unfreeze)
        own = build_head(
            job.facts["dim"], len(job.facts["classes"]), head_at(step, job.params), *scaling
        )
        own.set_weights(head.get_weights())
        return _picture_network(job, backbone, lambda dim: own, step.image_side)

    return _train_on_pictures(job, build, progress, train, val)


def _train_from_scratch(job: Job) -> tuple[Trained, Side, Side]:
    """Train the whole network on pictures."""
    train, val = (read_record_side(job.records, side) for side in ("train", "val"))

    def build(step: Resolution) -> keras.Model:
        side, params = step.image_side, head_at(step, job.params)
        return _picture_network(
            job,
            _scratch_backbone(job, side),
            lambda dim: build_head(dim, len(job.facts["classes"]), params),
            side,
        )

    return _train_on_pictures(job, build, Progress(), train, val)


def _scratch_backbone(job: Job, side: int) -> keras.Model | None:
    match job.params.backbone:
        case "mlp":
            return None
        case "cnn":
            channels = network_channels(job.params, job.facts["channels"])
            return build_cnn(job.params.conv, side, channels, job.params.precision)
        case _:
            backbone = load_backbone(job.features, job.facts, side)
            quicken_batch_norm(backbone)
            return backbone


def _picture_network(
    job: Job, backbone: keras.Model | None, make_head: Callable[[int], keras.Model], side: int
) -> keras.Model:
    return picture_network(
        job.params.backbone,
        backbone,
        make_head,
        side=side,
        record_channels=job.facts["channels"],
        channels=network_channels(job.params, job.facts["channels"]),
        pooling=job.params.pooling,
    )


def _train_on_pictures(
    job: Job,
    build: Callable[[Resolution], keras.Model],
    progress: Progress,
    train: Side,
    val: Side,
) -> tuple[Trained, Side, Side]:
    pictures = PictureJob(
        params=job.params,
        classes=job.facts["classes"],
        records=job.records,
        train=train,
        val=val.originals(),
        build=build,
        checkpoint=checkpoint_of(job),
        seed=job.seed,
        compute=job.compute,
        on_epoch=job.on_epoch,
        tensorboard=tensorboard_folder(job),
    )
    network, progress, val_logits = train_on_pictures(pictures, progress)
    backbone = None if job.params.backbone == "mlp" else network.get_layer("backbone")
    head = network.get_layer("head")
    return _trained(job, backbone, head, progress, val_logits, frozen=False), train, val


def _trained(
    job: Job,
    backbone: keras.Model | None,
    head: keras.Model,
    progress: Progress,
    val_logits: NDArray[np.float32],
    *,
    frozen: bool,
) -> Trained:
    """The exported form, from pictures of any size to logits."""
    pictures = picture_input(job.facts["channels"])
    channels = network_channels(job.params, job.facts["channels"])
    records = as_records(pictures, job.facts)
    squares = resized(records, job.params.image_side, **job.facts.get("resizing", {}))
    x = to_channels(squares, channels)
    features = encode(x, job.params.backbone, backbone, job.params.pooling)
    return Trained(
        network=keras.Model(pictures, head(features), name="network"),
        head=head if frozen else None,
        history=progress.history,
        best_epoch=progress.best_epoch,
        monitor=job.params.train.monitor,
        val_logits=val_logits,
        seconds=progress.seconds,
    )
