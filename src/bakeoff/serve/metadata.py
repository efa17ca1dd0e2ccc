"""A model folder's metadata, checked before anything else is loaded."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bakeoff.params.data import Fit, TfrecordParams
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json

Kind = Literal["head", "fine_tuned", "from_scratch", "forest", "logistic"]
_LARGEST = 4096  # pixels


class ClassifierParams(BaseModel):
    """A forest's descriptors; empty for a regression."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    descriptors: Annotated[list[str], Field(max_length=64)] = []
    pixels_side: Annotated[int, Field(ge=1, le=_LARGEST)] = 32


class ModelMetadata(BaseModel):
    """The part of `metadata.json` that prediction needs; the rest is ignored.

    The keys that decide how pictures become records have no defaults, because a wrong default would
    give a model other pictures than it was trained on.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    kind: Kind
    classes: Annotated[list[str], Field(min_length=1)]
    record_side: Annotated[int, Field(ge=1, le=_LARGEST)]
    channels: Literal[1, 3]
    mode: Literal["RGB", "L"]
    white: Annotated[int, Field(ge=1, le=65535)] | None = None
    fit: Fit
    equalize: Literal["none", "channel", "adaptive"]
    encoding: Literal["png", "jpeg"]
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] | None
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    floor: Annotated[float, Field(gt=0, lt=1)] | None = None
    params: ClassifierParams

    @model_validator(mode="after")
    def _is_complete(self) -> "ModelMetadata":
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("a class is named twice")
        if self.kind in ("forest", "logistic") and not (self.temperature and self.floor):
            raise ValueError("temperature and floor are missing")
        if (self.encoding == "jpeg") != (self.jpeg_quality is not None):
            raise ValueError("jpeg_quality belongs to JPEG records, and to no others")
        return self

    def record_params(self) -> TfrecordParams:
        """How a decoded picture becomes a record."""
        return TfrecordParams.model_construct(
            image_side=self.record_side,
            channels=self.channels,
            fit=self.fit,
            equalize=self.equalize,
            encoding=self.encoding,
            jpeg_quality=self.jpeg_quality or 100,
        )


def read_metadata(folder: Path) -> ModelMetadata:
    """Read and check `metadata.json`.

    Raises:
        BakeoffError: it is missing, damaged or incomplete; the message names the remedy.
    """
    path = folder / "metadata.json"
    try:
        content: Any = read_json(path)
    except FileNotFoundError:
        raise BakeoffError(
            f"{folder}: no model; run `dvc repro`, or `dvc pull` on a clone"
        ) from None
    except (OSError, ValueError, RecursionError):
        raise BakeoffError(f"{path}: not readable as JSON; {remedy(folder)}") from None
    try:
        return ModelMetadata.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise BakeoffError(f"{path}: {where}: {first['msg'][:120]}; {remedy(folder)}") from None


def remedy(folder: Path) -> str:
    """What to do about a damaged model folder."""
    return f"restore it with `dvc checkout --force {folder.as_posix()}`, or run `dvc repro`"
