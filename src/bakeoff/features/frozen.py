"""The frozen half of a model: the backbone and its weights, as the features stage wrote them.

The backbone's weights are stored beside the features, so that later stages train on exactly those
weights without searching for them again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from bakeoff.features.backbones import (
    build_backbone,
    build_encoder,
    use_imagenet_scaling,
)
from bakeoff.features.batches import Encoded, encoded_batches, write_side
from bakeoff.features.hub_presets import build_preset, copy_configuration, resizing_of
from bakeoff.features.on_nodes import NodeEncoder, canary_digest
from bakeoff.features.preset_format import read_preset
from bakeoff.features.presets import sha256_of_preset
from bakeoff.features.stored_backbone import PRESET_FOLDER, WEIGHTS_FILE
from bakeoff.features.weights import Weights
from bakeoff.params.applications import SCRATCH
from bakeoff.params.hub import preset_reference
from bakeoff.params.models import FeatureParams
from bakeoff.runtime.cluster import Remote
from bakeoff.runtime.files import sha256_of_file, write_json
from bakeoff.runtime.parallel import mapping_shards, on_cluster
from bakeoff.runtime.tf import keras
from bakeoff.tfrecord.index import RecordIndex


def write_features(
    folder: Path, params: FeatureParams, weights: Weights, records: Path, index: RecordIndex
) -> dict[str, Any]:
    """Write a model's backbone weights, and its frozen features of every side, into `folder`.

    Returns the content of `features.json`. A model trained from scratch has no features.
    """
    facts: dict[str, Any] = {
        "from_scratch": params.from_scratch,
        "backbone": params.backbone,
        "image_side": params.image_side,
        "pooling": params.pooling,
        "precision": params.precision,
        "weights": weights.record(),
    } | index.picture_facts()
    if params.backbone not in SCRATCH:
        facts |= _write_frozen(folder, params, weights, records, index)
    if weights.kind == "random" and (folder / WEIGHTS_FILE).exists():
        facts["weights"]["sha256"] = sha256_of_file(folder / WEIGHTS_FILE)
    write_json(folder / "features.json", facts)
    return facts


def _write_frozen(
    folder: Path, params: FeatureParams, weights: Weights, records: Path, index: RecordIndex
) -> dict[str, Any]:
    backbone, preset = _built(folder, params, weights)
    encoder = build_encoder(
        params.backbone,
        backbone,
        side=params.image_side,
        channels=index.channels,
        pooling=params.pooling,
        resizing=preset.get("resizing", {}),
    )
    backbone.save_weights(folder / WEIGHTS_FILE)
    if not params.from_scratch:
        nodes = NodeEncoder(folder, records, index.channels, params.model_dump() | preset)
        with _encoded_sides(encoder, nodes, index) as sides:
            for split, batches in sides:
                shape = (index.splits[split].examples, int(encoder.output_shape[-1]))
                write_side(batches, shape, split, folder)
    return preset | {
        "dim": int(encoder.output_shape[-1]),
        "layers": len(backbone.layers),
        "parameters": backbone.count_params(),
    }


@contextmanager
def _encoded_sides(
    encoder: keras.Model, nodes: NodeEncoder, index: RecordIndex
) -> Iterator[Iterator[tuple[str, Iterator[Encoded]]]]:
    """The sides, sorted by name, each with its features in export order, in batches or shards."""
    sides = sorted(index.splits.items())
    if not on_cluster():
        yield ((split, encoded_batches(encoder, nodes.records, split)) for split, _ in sides)
        return
    shards = [(split, shard) for split, side in sides for shard in side.shards]
    remote = Remote(nodes.digest, canary_digest(encoder), whole_node=True)
    with mapping_shards(
        nodes.shard_features, shards, describe="features", remote=remote
    ) as encoded:
        yield ((split, islice(encoded, len(side.shards))) for split, side in sides)


def _built(
    folder: Path, params: FeatureParams, weights: Weights
) -> tuple[keras.Model, dict[str, Any]]:
    """The backbone, and what has to be known of it if it is a preset."""
    if preset_reference(params.backbone) is None or weights.path is None:
        backbone = build_backbone(
            params.backbone, params.image_side, weights.path, precision=params.precision
        )
        if weights.kind == "imagenet":
            use_imagenet_scaling(backbone, params.backbone)
        return backbone, {}
    copy_configuration(weights.path, folder / PRESET_FOLDER)
    backbone = build_preset(
        weights.path,
        params.image_side,
        params.pooling,
        weights=weights.kind == "preset",
        precision=params.precision,
    )
    return backbone, {
        "preset": {"sha256": sha256_of_preset(weights.path)},
        "resizing": resizing_of(read_preset(weights.path)),
    }
