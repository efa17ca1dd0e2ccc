"""The blocks `evaluate` and `tracking`."""

from typing import Annotated, Literal

from pydantic import Field

from bakeoff.params.block import Block


class EvaluateParams(Block):
    """How models are compared."""

    design: Literal["auto", "folds", "split"] = "auto"
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    bootstrap: Annotated[int, Field(ge=100, le=100_000)] = 20_000  # random draws of groups
    repeats: Annotated[int, Field(ge=0, le=100)] = 0  # extra head trainings, other seeds
    gallery: Annotated[int, Field(ge=0, le=64)] = 12  # pictures in each gallery
    grad_cam: Annotated[int, Field(ge=0, le=32)] = 4  # right and wrong pictures a model
    promote_margin: Annotated[float, Field(ge=0, lt=1)] = 0.0  # accuracy


class TrackingParams(Block):
    """What is logged to MLflow."""

    enabled: bool = True
    system_metrics: bool = False
    keep: Annotated[int, Field(ge=1)] | None = None  # newest runs of each model to keep
