"""What the keys of a model's entry ask of each other, as sentences about mistakes."""

from typing import TYPE_CHECKING

from bakeoff.params.applications import SCRATCH, check_side
from bakeoff.params.hub import NATURAL, preset_reference
from bakeoff.runtime.errors import BakeoffError

if TYPE_CHECKING:
    from bakeoff.params.models import FeatureParams, ModelParams


def layers_mistake(params: "ModelParams") -> str:
    """What is wrong with `head.dropout`; empty if nothing is."""
    dropout, hidden = params.head.dropout, params.head.hidden
    if isinstance(dropout, float) or len(dropout) == len(hidden):
        return ""
    return (
        f"head.dropout lists {len(dropout)} numbers for {len(hidden)} hidden layers; give one for "
        "all, or one each"
    )


def network_mistake(params: "ModelParams") -> str:
    """The mistake in `conv` and `channels`, for networks built here, or in a frozen preset."""
    if preset_reference(params.backbone) is not None and params.fine_tune.epochs:
        return "a preset stays frozen; set fine_tune.epochs to 0"
    if params.backbone != "cnn":
        if params.conv:
            return f"'conv' describes backbone cnn, and this one is {params.backbone}; remove it"
        grey = params.channels == 1 and params.backbone not in SCRATCH
        return "channels 1 is for cnn and mlp; remove it, or set tfrecord.channels" if grey else ""
    if not params.conv:
        return "backbone cnn needs 'conv', such as [{filters: [16]}, {filters: [32]}]"
    side = params.image_side
    for block in params.conv:
        side = (side - 2 * len(block.filters) * (block.padding == "valid")) // block.pool
        if side < 1:
            return (
                f"the blocks of 'conv' shrink pictures of {params.image_side} pixels to nothing; "
                "use fewer blocks, or padding: same"
            )
    return ""


def progressive_mistake(params: "ModelParams") -> str:
    """What is wrong with `fine_tune.progressive`; empty if nothing is."""
    steps = params.fine_tune.progressive
    block = "train" if params.from_scratch else "fine_tune"
    epochs = params.train.epochs if params.from_scratch else params.fine_tune.epochs
    if not steps or not epochs:
        return ""
    if params.pooling == "flatten" or params.backbone == "mlp":
        return (
            "fine_tune.progressive needs pooling avg or max, for a flattened picture has another "
            "number of features at every side"
        )
    if steps[-1].image_side != params.image_side:
        return (
            f"fine_tune.progressive ends at {steps[-1].image_side} pixels and the model's "
            f"image_side is {params.image_side}; let the last step be the model's own"
        )
    total = sum(step.epochs for step in steps)
    if total != epochs:
        return (
            f"the epochs of fine_tune.progressive sum to {total} and {block}.epochs is {epochs}; "
            "make them equal"
        )
    return ""


def preset_mistake(params: "FeatureParams") -> str:
    """What a preset may not be asked for; empty if nothing is."""
    if params.trainable == "all":
        return "a preset stays frozen; remove trainable"
    if params.weights not in ("preset", "random"):
        return f"the weights of a preset are its own, not {params.weights}; remove weights"
    return ""


def backbone_mistake(params: "FeatureParams") -> str:
    """What another backbone may not be asked for; empty if nothing is."""
    if params.pooling in ("cls", "patch_mean", NATURAL):
        return f"pooling {params.pooling} is for presets, hub:…; use avg, max or flatten"
    if params.image_side < 8:
        return f"image_side {params.image_side} is too small; use 8 pixels or more"
    try:
        check_side(params.backbone, params.image_side)
    except BakeoffError as mistake:
        return str(mistake).removeprefix("params.yaml: ")
    return ""
