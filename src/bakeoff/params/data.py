"""The blocks of the data stages: `sort`, `split`, `augment`, `tfrecord`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bakeoff.params.block import Block

Share = Annotated[float, Field(ge=0, le=1)]
Side = Literal["train", "val", "test"]
Fit = Literal["stretch", "crop", "pad_black", "pad_white"]

Transform = Literal["mirror_horizontal", "mirror_vertical", "rotate_90", "rotate_180", "rotate_270"]


class SortParams(Block):
    """Rules of usable pictures, and how many to take."""

    mode: Literal["RGB", "L"] = "RGB"
    min_side: Annotated[int, Field(ge=1)] = 32
    max_pixels: Annotated[int, Field(ge=1)] = 120_000_000
    white: Annotated[int, Field(ge=1, le=65535)] | None = None  # value of 16-bit grey that is white
    max_quarantined: Share = 0.2
    min_pictures: Annotated[int, Field(ge=1)] = 1  # of a class; smaller ones are left out
    limit_classes: Annotated[int, Field(ge=2)] | None = None
    sample: Annotated[float, Field(gt=0, le=1)] = 1.0


class Fractions(Block):
    """Shares of the pictures on each side; they sum to one."""

    train: Annotated[float, Field(gt=0, lt=1)] = 0.7
    val: Annotated[float, Field(gt=0, lt=1)] = 0.15
    test: Annotated[float, Field(gt=0, lt=1)] = 0.15

    @model_validator(mode="after")
    def _sum_to_one(self) -> "Fractions":
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(
                f"train, val and test sum to {total:.6g}; change them so that they sum to 1"
            )
        return self


class SplitParams(Block):
    """How groups are formed and dealt to the three sides."""

    fractions: Fractions = Fractions()
    near_duplicates: Annotated[int, Field(ge=0, le=64)] | None = 16
    stable: bool = False
    official_test: bool = False


class RandomTransforms(Block):
    """Ranges of the seeded random transforms; each draw is uniform within plus or minus."""

    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0  # degrees
    translation: Annotated[float, Field(ge=0, le=0.5)] = 0.0  # share of the side
    zoom: Annotated[float, Field(ge=0, lt=1)] = 0.0  # share
    shear: Annotated[float, Field(ge=0, le=45)] = 0.0  # degrees
    brightness: Annotated[float, Field(ge=0, le=1)] = 0.0  # share of the full range
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.0  # share


class AugmentParams(Block):
    """Extra copies to export."""

    sides: tuple[Side, ...] = ("train",)
    transforms: tuple[Transform, ...] = ("mirror_horizontal",)
    copies: Annotated[int, Field(ge=0, le=100)] = 0  # random copies per picture
    random: RandomTransforms = RandomTransforms()
    balance: bool = False
    materialize: bool = False

    @model_validator(mode="after")
    def _copies_differ(self) -> "AugmentParams":
        asked = "copies" if self.copies else "balance"
        if (self.copies or self.balance) and not any(self.random.model_dump().values()):
            raise ValueError(
                f"'{asked}' asks for random copies, but every range under 'random' is 0 and they "
                "would equal their originals: give one a value"
            )
        if self.balance and "train" not in self.sides:
            raise ValueError(
                "'balance' adds copies to the training side, which 'sides' leaves out: add train"
            )
        return self


class TfrecordParams(Block):
    """How pictures are written into the records."""

    image_side: Annotated[int, Field(ge=8, le=4096)] = 300  # pixels, square
    channels: Literal[1, 3] = 3
    encoding: Literal["png", "jpeg"] = "png"
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 95
    fit: Fit = "stretch"  # how a picture that is not square becomes one
    equalize: Literal["none", "channel", "adaptive"] = "none"
    shard_megabytes: Annotated[float, Field(gt=0, le=4096)] = 32
