"""The blocks of the training half: `defaults`, `models`, `random_forest`, `logistic`, `compute`.

What a model does not say is taken from `defaults`. The six keys that its frozen features depend
on stand in every model's own entry, so that DVC can tell a change of head from one of features.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from bakeoff.params.block import PARAMS, Block, parse, read_key
from bakeoff.runtime.errors import BakeoffError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def _unbroken(value: str) -> str:
    if "://" in value and re.search(r"\s", value):
        raise ValueError("an address holds no blanks; write %20")
    return value


Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
Mirror = Annotated[str, AfterValidator(_unbroken)]
# A search, read by `bakeoff.params.tuning`; how a value was found is no part of the value.
Tune = Annotated[dict[str, Any], Field(exclude=True)]


class HeadParams(Block):
    """The classifier on top of the pooled features."""

    hidden: tuple[Annotated[int, Field(ge=1, le=65536)], ...] = (1024, 512)
    activation: Literal["relu", "tanh", "gelu"] = "relu"
    dropout: Dropout | tuple[Dropout, ...] = 0.2  # one for all hidden layers, or one each
    batch_norm: bool = False
    l1: NonNegative = 0.0
    l2: NonNegative = 0.0


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
    monitor: str = "val_cohen_kappa"
    tensorboard: bool = False


class LiveAugmentation(Block):
    """Random changes drawn anew each epoch while fine-tuning; all off by default."""

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
    """One step of progressive resizing: picture side and the regularisation that goes with it."""

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
    augmentation: LiveAugmentation = LiveAugmentation()
    progressive: tuple[Resolution, ...] = ()


class ModelDefaults(Block):
    """What every model shares."""

    weights_mirror: Mirror | None = None  # a folder or URL holding Keras's files by their names
    weights_unreachable: Literal["random", "error"] = "random"
    head: HeadParams = HeadParams()
    train: TrainParams = TrainParams()
    fine_tune: FineTuneParams = FineTuneParams()


class ConvBlock(Block):
    """One block of a small convolutional network."""

    filters: tuple[Annotated[int, Field(ge=1)], ...]  # one 3x3 convolution each
    padding: Literal["valid", "same"] = "same"
    pool: Annotated[int, Field(ge=1)] = 2  # 1: no pooling


class FeatureParams(Block):
    """What a model's frozen features depend on."""

    backbone: str  # a keras.applications class, an EfficientNet-Lite, `cnn` or `mlp`
    image_side: Annotated[int, Field(ge=8, le=4096)]
    weights: str = "imagenet"  # imagenet | random | a file
    pooling: Literal["avg", "max", "flatten"] = "avg"
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    trainable: Literal["head", "all"] = "head"  # all: trained from scratch, on pictures

    @property
    def from_scratch(self) -> bool:
        """Whether the whole network is trained on pictures, without frozen features."""
        return self.trainable == "all" or self.backbone in ("cnn", "mlp")


class ModelParams(FeatureParams):
    """One entry under `models`, with the defaults filled in."""

    channels: Literal[1, 3] = 3  # 1 for `cnn` and `mlp` only
    conv: tuple[ConvBlock, ...] = ()  # `cnn` only
    head: HeadParams
    train: TrainParams
    fine_tune: FineTuneParams
    tune: Tune = {}


class ForestParams(Block):
    """The baseline that has to be beaten."""

    descriptors: tuple[str, ...] = ("pixels",)  # pixels colour hog lbp features:<model>
    pixels_side: Annotated[int, Field(ge=4, le=256)] = 32
    trees: Annotated[int, Field(ge=1)] = 300
    max_depth: Annotated[int, Field(ge=1)] | None = None
    min_samples_leaf: Annotated[int, Field(ge=1)] = 1
    class_weight: Literal["balanced", "balanced_subsample", "none"] = "balanced"
    tune: Tune = {}


class LogisticParams(Block):
    """Multinomial logistic regression on each backbone's features."""

    inverse_regularization: Positive = 0.01  # scikit-learn's C, on standardised features
    max_iterations: Annotated[int, Field(ge=1)] = 200
    tune: Tune = {}


class ComputeParams(Block):
    """Where tensors are computed."""

    strategy: Literal["auto", "single", "mirrored"] = "auto"


def read_feature_params(name: str, path: Path = PARAMS) -> FeatureParams:
    """The six keys that the features of model `name` depend on."""
    entry = _read_entry(name, path)
    known = {k: v for k, v in entry.items() if k in FeatureParams.model_fields}
    return parse(FeatureParams, known, where=f"models.{name}", path=path)


def read_model_params(name: str, path: Path = PARAMS) -> ModelParams:
    """The entry of model `name`, with what it leaves out taken from `defaults`."""
    defaults = ModelDefaults.read("defaults", path)
    entry = dict(_read_entry(name, path))
    for block in ("head", "train", "fine_tune"):
        own = entry.get(block)
        if own is None or isinstance(own, dict):
            entry[block] = merge(getattr(defaults, block).model_dump(), own or {})
    return parse(ModelParams, entry, where=f"models.{name}", path=path)


def model_names(path: Path = PARAMS) -> tuple[str, ...]:
    """The names under `models`, in the file's order.

    Raises:
        BakeoffError: there is none, or one cannot name a folder and a stage.
    """
    models = read_key("models", path)
    if not isinstance(models, dict) or not models:
        raise BakeoffError(f"{path}: 'models' must map at least one name to a model's keys")
    for name in models:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise BakeoffError(
                f"{path}: a model is named {name!r}; letters, digits, '-' and '_' may be in a name"
            )
    return tuple(models)


def _read_entry(name: str, path: Path) -> dict[str, Any]:
    entry = read_key(f"models.{name}", path)
    if not isinstance(entry, dict):
        raise BakeoffError(f"{path}: 'models.{name}' must hold the model's keys, such as backbone")
    return entry


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`; nested mappings are merged key by key."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged
