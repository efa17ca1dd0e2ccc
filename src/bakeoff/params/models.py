"""The blocks of training: `defaults`, `models`, `random_forest`, `logistic`, `compute`.

Missing keys of a model's entry come from `defaults`, and its picture side from the backbone, so
`{backbone: ResNet50}` is a complete entry.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bakeoff.params.applications import APPLICATIONS, SCRATCH, check_side
from bakeoff.params.block import PARAMS, Block, is_device, parse, read_key
from bakeoff.params.hub import NATURAL, NATURAL_SIDE, check_preset, preset_reference
from bakeoff.params.mistakes import shown_value
from bakeoff.runtime.addresses import without_credentials
from bakeoff.runtime.errors import BakeoffError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
RESERVED = ("best", "champion", "challenger", "majority_class", "models", "predictions")
"""Names that a model may not have: they mean something else in commands, folders and MLflow."""
RESERVED_STARTS = ("descriptor_forest", "forest_", "logistic_", "random_forest")
"""Starts of names that the baselines have."""
_METRICS = (
    "loss", "accuracy", "macro_precision", "macro_recall", "macro_f1", "auc", "cohen_kappa"
)  # fmt: skip
_DESCRIPTORS = ("pixels", "colour", "hog", "lbp")


def _unbroken(value: str) -> str:
    if "://" in value and re.search(r"\s", value):
        raise ValueError("an address holds no blanks; write %20")
    return value


def _metric(name: str) -> str:
    plain = name.removeprefix("val_")
    if name != "objective" and plain not in _METRICS and not plain.startswith(("fp_", "fn_")):
        raise ValueError(
            f"no metric of a training; give val_{', val_'.join(_METRICS)}, val_fp_<class> or "
            "val_fn_<class>, or one of these without val_"
        )
    return name


def _descriptor(name: str) -> str:
    if name not in _DESCRIPTORS and not name.startswith("features:"):
        raise ValueError(f"give {', '.join(_DESCRIPTORS)} or features:<model>")
    return name


Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Momentum = Annotated[float, Field(gt=0, lt=1)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
Unreachable = Literal["random", "error"]
Mirror = Annotated[str, AfterValidator(_unbroken), AfterValidator(without_credentials)]
MetricName = Annotated[str, AfterValidator(_metric)]
Descriptor = Annotated[str, AfterValidator(_descriptor)]
# A search, read by `bakeoff.params.tuning`; how a value was found is no part of the value.
Tune = Annotated[dict[str, Any], Field(exclude=True)]


WHITENED = 32
"""Components of `head.whiten: auto` where the backbone's weights are random."""


class HeadParams(Block):
    """The classifier on top of the pooled features."""

    # PCA components that features are whitened to; null: standardised alone
    whiten: Annotated[int, Field(ge=1, le=65536)] | Literal["auto"] | None = "auto"
    hidden: tuple[Annotated[int, Field(ge=1, le=65536)], ...] = (1024, 512)
    activation: Literal["relu", "leaky_relu", "elu", "silu", "gelu", "tanh", "sigmoid"] = "relu"
    dropout: Dropout | tuple[Dropout, ...] = 0.2  # one for all hidden layers, or one each
    batch_norm: bool = False
    l1: NonNegative = 0.0
    l2: NonNegative = 0.0
    max_norm: Positive | None = None  # of the weights into each hidden unit
    output: Literal["softmax", "sigmoid"] = "softmax"  # sigmoid: one logit for two classes

    def for_weights(self, kind: str) -> "HeadParams":
        """The same head with `whiten: auto` decided by the kind of the backbone's weights.

        Features of random weights vary in two to four directions and are whitened; those of
        `imagenet` weights or of a file are not.
        """
        if self.whiten != "auto":
            return self
        return self.model_copy(update={"whiten": WHITENED if kind == "random" else None})


class TrainParams(Block):
    """How a head (or a network from scratch) is fitted."""

    epochs: Annotated[int, Field(ge=1, le=10_000)] = 10
    batch: Annotated[int, Field(ge=1, le=4096)] = 16
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: Positive = 0.001
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9  # sgd only
    weight_decay: NonNegative = 0.0  # adamw only
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    warmup_epochs: Annotated[int, Field(ge=0)] = 0  # cosine only
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    class_weights: Literal["balanced", "none"] = "balanced"
    early_stopping: Annotated[int, Field(ge=1)] | None = 2  # epochs without gain
    min_delta: NonNegative = 0.0
    monitor: MetricName = "val_cohen_kappa"  # what the best epoch is chosen by
    ema: Momentum | None = None  # of averaged weights, which are scored and kept; null: off
    tensorboard: bool = False


class LiveAugmentation(Block):
    """Random changes, drawn again each epoch of fine-tuning; all off by default."""

    mirror: Literal["none", "horizontal", "vertical", "both"] = "none"
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0  # degrees
    translation: Annotated[float, Field(ge=0, le=0.5)] = 0.0  # share of the side
    zoom: Annotated[float, Field(ge=0, lt=1)] = 0.0
    shear: Annotated[float, Field(ge=0, le=45)] = 0.0  # degrees
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.0
    brightness: Annotated[float, Field(ge=0, le=1)] = 0.0
    rand_augment: Annotated[int, Field(ge=0, le=10)] = 0  # operations per picture
    mixup: NonNegative = 0.0  # alpha of the beta distribution
    cutmix: NonNegative = 0.0  # alpha of the beta distribution


class Resolution(Block):
    """One step of progressive resizing: picture side and regularisation."""

    image_side: Annotated[int, Field(ge=8)]
    epochs: Annotated[int, Field(ge=1)]
    dropout: Dropout = 0.2
    augmentation: Share = 1.0  # scales every range of the live augmentation


class FineTuneParams(Block):
    """The second phase, on pictures: off while `epochs` is 0."""

    epochs: Annotated[int, Field(ge=0, le=10_000)] = 0
    batch: Annotated[int, Field(ge=1, le=4096)] = 16
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: Positive = 0.00001
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: NonNegative = 0.0
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    warmup_epochs: Annotated[int, Field(ge=0)] = 0
    unfreeze: Share = 0.3  # last share of the backbone's layers
    early_stopping: Annotated[int, Field(ge=1)] | None = 2
    ema: Momentum | None = None
    augmentation: LiveAugmentation = LiveAugmentation()
    progressive: tuple[Resolution, ...] = ()


class ConvBlock(Block):
    """One block of a small convolutional network."""

    filters: tuple[Annotated[int, Field(ge=1)], ...]  # one 3x3 convolution each
    padding: Literal["valid", "same"] = "same"
    pool: Annotated[int, Field(ge=1)] = 2  # 1: no pooling


class FeatureChoices(Block):
    """Keys that frozen features depend on, besides the backbone and the picture side."""

    weights: str = "imagenet"  # imagenet | random | a file; of a preset: preset | random
    # of a preset: natural, or what its kind has
    pooling: Literal["avg", "max", "flatten", "cls", "patch_mean", "natural"] = "avg"
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    trainable: Literal["head", "all"] = "head"  # all: trained from scratch, on pictures


class FeatureParams(FeatureChoices):
    """The keys that a model's frozen features depend on."""

    backbone: str  # a keras.applications class, an EfficientNet-Lite, hub:<preset>, `cnn` or `mlp`
    image_side: Annotated[int, Field(ge=0, le=4096)]  # pixels; default: the backbone's natural side

    @property
    def from_scratch(self) -> bool:
        """Whether the whole network is trained on pictures, without frozen features."""
        return self.trainable == "all" or self.backbone in SCRATCH

    @model_validator(mode="after")
    def _is_a_backbone(self) -> Self:
        reference = preset_reference(self.backbone)
        try:
            if reference is None:
                check_side(self.backbone, self.image_side)
            else:
                check_preset(reference)
        except BakeoffError as mistake:
            raise ValueError(str(mistake).removeprefix("params.yaml: ")) from None
        if wrong := _of_no_preset(self) if reference is None else _of_a_preset(self):
            raise ValueError(wrong)
        return self


def _of_a_preset(params: FeatureParams) -> str:
    if params.trainable == "all":
        return "a preset stays frozen; remove trainable"
    if params.weights not in ("preset", "random"):
        return f"the weights of a preset are its own, not {params.weights}; remove weights"
    return ""


def _of_no_preset(params: FeatureParams) -> str:
    if params.pooling in ("cls", "patch_mean", NATURAL):
        return f"pooling {params.pooling} is for presets, hub:…; use avg, max or flatten"
    if params.image_side < 8:
        return f"image_side {params.image_side} is too small; use 8 pixels or more"
    return ""


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
        wrong = list(filter(None, (_layers(self), _network(self), _progressive(self))))
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


def _layers(params: ModelParams) -> str:
    dropout, hidden = params.head.dropout, params.head.hidden
    if isinstance(dropout, float) or len(dropout) == len(hidden):
        return ""
    return (
        f"head.dropout lists {len(dropout)} numbers for {len(hidden)} hidden layers; give one for "
        "all, or one each"
    )


def _network(params: ModelParams) -> str:
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


def _progressive(params: ModelParams) -> str:
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


FORESTS = ("random_forest", "descriptor_forest")
"""The blocks of the two forests, which are the models' names as well."""


class ForestParams(Block):
    """A random forest."""

    descriptors: Annotated[tuple[Descriptor, ...], Field(min_length=1)] = ("pixels",)
    pixels_side: Annotated[int, Field(ge=4, le=256)] = 32
    trees: Annotated[int, Field(ge=1)] = 300
    max_depth: Annotated[int, Field(ge=1)] | None = None
    min_samples_leaf: Annotated[int, Field(ge=1)] = 1
    class_weight: Literal["balanced", "balanced_subsample", "none"] = "balanced"
    max_megabytes: Positive = 1000.0  # of the fitted trees; `min_samples_leaf` grows to keep to it
    tune: Tune = {}


class LogisticParams(Block):
    """Multinomial logistic regression on each backbone's features."""

    # scikit-learn's C, on standardised features; of a list the best in inner grouped folds
    inverse_regularization: Positive | Annotated[tuple[Positive, ...], Field(min_length=1)] = 0.01
    max_iterations: Annotated[int, Field(ge=1)] = 200
    tune: Tune = {}


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


def read_forest_params(name: str, path: Path = PARAMS) -> ForestParams | None:
    """The block `random_forest` or `descriptor_forest`; None where it is null: no such forest."""
    value = read_key(name, path)
    return None if value is None else parse(ForestParams, value, where=name, path=path)


def model_names(path: Path = PARAMS) -> tuple[str, ...]:
    """The names under `models`, in the file's order.

    Raises:
        BakeoffError: there is none, or one cannot name a folder, a stage and a run.
    """
    models = read_key("models", path)
    if not isinstance(models, dict) or not models:
        raise BakeoffError(f"{path}: 'models' must map at least one name to a model's keys")
    wrong = [f"{path}: a model is named {shown_value(n)}: {w}" for n in models if (w := _unfit(n))]
    folded: dict[str, str] = {}
    for name in filter(lambda name: isinstance(name, str), models):
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            wrong.append(f"{path}: models '{other}' and '{name}' differ in case alone; rename one")
    if wrong:
        raise BakeoffError(*wrong)
    return tuple(models)


def _unfit(name: Any) -> str:
    """Why a model cannot have this name; empty if it can."""
    if not isinstance(name, str):
        return "YAML takes it for no text; write it in quotes"
    if not _NAME.fullmatch(name):
        return (
            "a name starts with a letter or digit and holds letters, digits, '-' and '_', at most "
            "64; rename it"
        )
    if name in RESERVED or name.startswith(RESERVED_STARTS) or is_device(name):
        return "that name is taken; rename it"
    return ""


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
    if application and entry.get("image_side") is None:
        entry["image_side"] = application.natural_side
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
