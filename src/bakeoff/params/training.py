"""The blocks of a training: `head`, `train`, `fine_tune`, and a small network's `conv`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bakeoff.params.block import Block
from bakeoff.params.data import Share

_METRICS = (
    "loss", "accuracy", "macro_precision", "macro_recall", "macro_f1", "auc", "cohen_kappa"
)  # fmt: skip


def _metric(name: str) -> str:
    plain = name.removeprefix("val_")
    if name != "objective" and plain not in _METRICS and not plain.startswith(("fp_", "fn_")):
        raise ValueError(
            f"no metric of a training; give val_{', val_'.join(_METRICS)}, val_fp_<class> or "
            "val_fn_<class>, or one of these without val_"
        )
    return name


Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Momentum = Annotated[float, Field(gt=0, lt=1)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
MetricName = Annotated[str, AfterValidator(_metric)]

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
