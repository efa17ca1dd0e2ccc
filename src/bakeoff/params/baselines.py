"""The blocks of the baselines: `random_forest`, `descriptor_forest`, `logistic`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from bakeoff.params.block import PARAMS, Block, parse, read_key
from bakeoff.params.training import Positive

_DESCRIPTORS = ("pixels", "colour", "hog", "lbp")


def _descriptor(name: str) -> str:
    if name not in _DESCRIPTORS and not name.startswith("features:"):
        raise ValueError(f"give {', '.join(_DESCRIPTORS)} or features:<model>")
    return name


Descriptor = Annotated[str, AfterValidator(_descriptor)]
# A search, read by `bakeoff.params.tuning`; how a value was found is no part of the value.
Tune = Annotated[dict[str, Any], Field(exclude=True)]

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


def read_forest_params(name: str, path: Path = PARAMS) -> ForestParams | None:
    """The block `random_forest` or `descriptor_forest`; None where it is null: no such forest."""
    value = read_key(name, path)
    return None if value is None else parse(ForestParams, value, where=name, path=path)
