"""The block `folds`: repeated cross-validation."""

from typing import Annotated, Literal

from pydantic import Field

from bakeoff.params.block import Block


class FoldsParams(Block):
    """Repeated cross-validation; `evaluate.design` decides whether it is used."""

    count: Annotated[int, Field(ge=3, le=20)] = 5
    repeats: Annotated[int, Field(ge=1, le=20)] = 3  # deals, each with another seed of the heads
    networks: Literal["none", "one", "all"] = "one"  # folds of those trained on pictures
    trees: Annotated[int, Field(ge=1)] = 100  # of the forest on each backbone's features
