"""The backbone and its weights, read from the folder that the features stage wrote."""

from pathlib import Path
from typing import Any

from bakeoff.features.backbones import build_backbone, load_backbone_weights
from bakeoff.features.hub_presets import build_preset
from bakeoff.params.hub import preset_reference
from bakeoff.runtime.tf import keras

WEIGHTS_FILE = "backbone.weights.h5"
PRESET_FOLDER = "preset"  # with a preset's configuration


def load_backbone(folder: Path, facts: dict[str, Any], side: int | None = None) -> keras.Model:
    """The backbone that the features stage used, with its weights."""
    if preset_reference(facts["backbone"]) is not None:
        backbone = build_preset(
            folder / PRESET_FOLDER,
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
