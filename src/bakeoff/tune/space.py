"""The search space as Optuna's distributions, and the points of a grid."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from bakeoff.params.tuning import Searched


def distribution(searched: Searched) -> BaseDistribution:
    """A parameter's Optuna distribution; choices are encoded as JSON, because lists are allowed."""
    dimension = searched.dimension
    if dimension.choices is not None:
        return CategoricalDistribution(list(dict.fromkeys(map(json.dumps, dimension.choices))))
    low, high = dimension.ends()
    if searched.whole:
        return IntDistribution(int(low), int(high), log=dimension.log)
    return FloatDistribution(low, high, log=dimension.log)


def label(of: BaseDistribution, value: Any) -> Any:
    """Encode a value for Optuna."""
    return json.dumps(value) if isinstance(of, CategoricalDistribution) else value


def values(params: Mapping[str, Any], space: Sequence[Searched]) -> dict[str, Any]:
    """Decode Optuna's values."""
    choices = {s.path for s in space if s.dimension.choices is not None}
    return {path: json.loads(v) if path in choices else v for path, v in params.items()}


def holds(within: BaseDistribution, value: Any) -> bool:
    """Whether `value` lies within the distribution."""
    if isinstance(within, CategoricalDistribution):
        return json.dumps(value) in within.choices
    assert isinstance(within, IntDistribution | FloatDistribution)  # noqa: S101
    return isinstance(value, int | float) and within.low <= value <= within.high


def grid(space: Sequence[Searched], seed: int) -> Iterator[dict[str, Any]]:
    """Every point of the grid once, as Optuna's values, in a seeded random order."""
    axes = [(s.path, list(dict.fromkeys(_points(s)))) for s in space]
    shape = [len(points) for _, points in axes]
    generator, seen = np.random.default_rng(seed), set[int]()
    while len(seen) < math.prod(shape):
        index = int(generator.integers(math.prod(shape)))
        if index not in seen:
            seen.add(index)
            places = np.unravel_index(index, shape)
            yield {path: points[i] for (path, points), i in zip(axes, places, strict=True)}


def _points(searched: Searched) -> list[Any]:
    of = distribution(searched)
    return [label(of, value) for value in searched.dimension.grid(searched.whole)]
