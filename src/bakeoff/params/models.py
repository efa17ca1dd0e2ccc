"""The blocks `defaults`, `models` and `compute`.

Missing keys of a model's entry come from `defaults`, and its picture side from the backbone, so
`{backbone: ResNet50}` is a complete entry.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bakeoff.params.applications import APPLICATIONS, SCRATCH, find_application
from bakeoff.params.baselines import Tune
from bakeoff.params.block import PARAMS, Block, parse, read_key
from bakeoff.params.hub import NATURAL, NATURAL_SIDE, check_preset, preset_reference
from bakeoff.params.model_rules import (
    backbone_mistake,
    layers_mistake,
    network_mistake,
    preset_mistake,
    progressive_mistake,
)
from bakeoff.params.training import ConvBlock, FineTuneParams, HeadParams, TrainParams
from bakeoff.runtime.addresses import without_credentials
from bakeoff.runtime.errors import BakeoffError


def _unbroken(value: str) -> str:
    if "://" in value and re.search(r"\s", value):
        raise ValueError("an address holds no blanks; write %20")
    return value


def _backbone(name: str) -> str:
    reference = preset_reference(name)
    try:
        if reference is not None:
            check_preset(reference)
        elif name not in SCRATCH:
            find_application(name)
    except BakeoffError as mistake:
        raise ValueError(str(mistake).removeprefix("params.yaml: ")) from None
    return name


Unreachable = Literal["random", "error"]
Mirror = Annotated[str, AfterValidator(_unbroken), AfterValidator(without_credentials)]


class FeatureChoices(Block):
    """Keys that frozen features depend on, besides the backbone and the picture side."""

    weights: str = "imagenet"  # imagenet | random | a file; of a preset: preset | random
    # of a preset: natural, or what its kind has
    pooling: Literal["avg", "max", "flatten", "cls", "patch_mean", "natural"] = "avg"
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    trainable: Literal["head", "all"] = "head"  # all: trained from scratch, on pictures


class FeatureParams(FeatureChoices):
    """The keys that a model's frozen features depend on."""

    backbone: Annotated[str, AfterValidator(_backbone)]  # of Keras, hub:<preset>, `cnn`, `mlp`
    image_side: Annotated[int, Field(ge=0, le=4096)]  # pixels; default: the backbone's natural side

    @property
    def from_scratch(self) -> bool:
        """Whether the whole network is trained on pictures, without frozen features."""
        return self.trainable == "all" or self.backbone in SCRATCH

    @model_validator(mode="after")
    def _is_a_backbone(self) -> Self:
        is_preset = preset_reference(self.backbone) is not None
        if wrong := preset_mistake(self) if is_preset else backbone_mistake(self):
            raise ValueError(wrong)
        return self


class Recipe(Block):
    """Values that replace those of a model whose `recipe` names this one; others stay."""

    head: HeadParams = HeadParams()
    train: TrainParams = TrainParams()
    fine_tune: FineTuneParams = FineTuneParams()


class ModelDefaults(FeatureChoices):
    """Defaults for keys that a model's entry leaves out."""

    weights_mirror: Mirror | None = None  # a folder or URL holding Keras's files by their names
    weights_unreachable: Unreachable = "random"
    head: HeadParams = HeadParams()
    train: TrainParams = TrainParams()
    fine_tune: FineTuneParams = FineTuneParams()
    recipes: dict[str, Recipe] = {}


class ModelParams(FeatureParams):
    """One entry under `models`, with the defaults filled in."""

    recipe: str | None = None  # a name under `defaults.recipes`
    channels: Literal[1, 3] = 3  # 1 for `cnn` and `mlp` only
    conv: tuple[ConvBlock, ...] = ()  # `cnn` only
    head: HeadParams
    train: TrainParams
    fine_tune: FineTuneParams
    tune: Tune = {}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        wrong = list(
            filter(None, (layers_mistake(self), network_mistake(self), progressive_mistake(self)))
        )
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


class ComputeParams(Block):
    """The devices of TensorFlow."""

    strategy: Literal["auto", "single", "mirrored"] = "auto"


def read_feature_params(name: str, path: Path = PARAMS) -> FeatureParams:
    """The keys that the features of model `name` depend on."""
    entry = _filled_entry(name, path)
    known = {k: v for k, v in entry.items() if k in FeatureParams.model_fields}
    return parse(FeatureParams, known, where=f"models.{name}", path=path)


def read_model_params(name: str, path: Path = PARAMS) -> ModelParams:
    """The entry of model `name`: its recipe's values over its own over those of `defaults`."""
    return parse(ModelParams, _filled_entry(name, path), where=f"models.{name}", path=path)


def _recipe(
    recipe: Any, defaults: ModelDefaults, name: str, path: Path
) -> dict[str, dict[str, Any]]:
    """The values that a recipe states, by block; none without one."""
    if recipe is None:
        return {}
    if not isinstance(recipe, str) or recipe not in defaults.recipes:
        known = ", ".join(sorted(defaults.recipes)) or "none"
        raise BakeoffError(
            f"{path}: 'models.{name}.recipe' is {recipe!r}, which is not under "
            f"'defaults.recipes' (there: {known}); name one of those, or null"
        )
    return defaults.recipes[recipe].model_dump(exclude_unset=True)


def _filled_entry(name: str, path: Path) -> dict[str, Any]:
    """The entry of model `name` as a mapping, filled up with `defaults` and the natural side."""
    own = read_key(f"models.{name}", path)
    if not isinstance(own, dict):
        raise BakeoffError(
            f"{path}: 'models.{name}' is no mapping; give it the model's keys, such as backbone"
        )
    defaults = ModelDefaults.read("defaults", path)
    shared = defaults.model_dump(exclude={"weights_mirror", "weights_unreachable", "recipes"})
    entry = shared | own
    recipe = _recipe(own.get("recipe"), defaults, name, path)
    for block in ("head", "train", "fine_tune"):
        given = own.get(block)
        if given is None or isinstance(given, dict):
            entry[block] = merge(merge(shared[block], given or {}), recipe.get(block, {}))
    application = APPLICATIONS.get(str(own.get("backbone")))
    if entry.get("image_side") is None and own.get("backbone") not in SCRATCH:
        # of an unknown backbone not the side is missing
        entry["image_side"] = application.natural_side if application else NATURAL_SIDE
    if preset_reference(own.get("backbone")) is not None:
        weights = "random" if shared["weights"] == "random" else "preset"
        natural = {"image_side": NATURAL_SIDE, "pooling": NATURAL, "weights": weights}
        entry |= {key: value for key, value in natural.items() if own.get(key) is None}
    return entry


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`; nested mappings are merged key by key."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged
