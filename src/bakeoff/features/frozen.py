"""The frozen half of a model: the backbone and its weights, as the features stage wrote them.

The backbone's weights are stored beside the features, so that later stages train on exactly those
weights without searching for them again.
"""

from pathlib import Path
from typing import Any

from bakeoff.features.backbones import (
    build_backbone,
    build_encoder,
    load_backbone_weights,
    use_imagenet_scaling,
)
from bakeoff.features.batches import extract
from bakeoff.features.hub_presets import build_preset, copy_configuration, resizing_of
from bakeoff.features.preset_format import read_preset
from bakeoff.features.presets import sha256_of_preset
from bakeoff.features.weights import Weights
from bakeoff.params.applications import SCRATCH
from bakeoff.params.hub import preset_reference
from bakeoff.params.models import FeatureParams
from bakeoff.runtime.files import sha256_of_file, write_json
from bakeoff.runtime.tf import keras
from bakeoff.tfrecord.index import RecordIndex

WEIGHTS_FILE = "backbone.weights.h5"
_PRESET = "preset"  # folder with a preset's configuration


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
    if not params.from_scratch:
        for split, side in sorted(index.splits.items()):
            extract(encoder, records, split, side.examples, folder)
    backbone.save_weights(folder / WEIGHTS_FILE)
    return preset | {
        "dim": int(encoder.output_shape[-1]),
        "layers": len(backbone.layers),
        "parameters": backbone.count_params(),
    }


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
    copy_configuration(weights.path, folder / _PRESET)
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


def load_backbone(folder: Path, facts: dict[str, Any], side: int | None = None) -> keras.Model:
    """The backbone that the features stage used, with its weights."""
    if preset_reference(facts["backbone"]) is not None:
        backbone = build_preset(
            folder / _PRESET,
            facts["image_side"],
            facts["pooling"],
            weights=False,
            precision=facts["precision"],
        )
        load_backbone_weights(backbone, facts["backbone"], folder / WEIGHTS_FILE)
        return backbone
    return build_backbone(
        facts["backbone"],
        facts["image_side"] if side is None else side,
        folder / WEIGHTS_FILE,
        precision=facts["precision"],
    )
