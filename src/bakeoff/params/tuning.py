"""The blocks `tune`: how many trials a search makes, and which values it may try."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_serializer, model_validator
from pydantic.dataclasses import dataclass

from bakeoff.params.baselines import ForestParams, LogisticParams
from bakeoff.params.block import PARAMS, Block, parse, read_key, read_params
from bakeoff.params.found import with_values
from bakeoff.params.mistakes import remedy
from bakeoff.params.models import ModelParams, merge, read_model_params
from bakeoff.params.training import FineTuneParams, HeadParams, TrainParams
from bakeoff.runtime.errors import BakeoffError


class Dimension(Block):
    """The values that one parameter may take: a list of choices, or all from `low` to `high`."""

    low: float | None = None
    high: float | None = None
    log: bool = False  # even steps are equal ratios
    steps: Annotated[int, Field(ge=2)] = 3  # values that a grid takes from the range
    choices: tuple[Any, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return {"choices": tuple(value)}
        if not isinstance(value, dict):
            raise ValueError("give a list of choices, or a range {low: …, high: …}")
        return value

    @model_validator(mode="after")
    def _is_possible(self) -> "Dimension":
        if self.choices is not None:
            if not self.choices:
                raise ValueError(
                    "the list of choices is empty; add some, or write null to search nothing here"
                )
            if self.low is not None or self.high is not None:
                raise ValueError("give choices or a range, not both")
        elif self.low is None or self.high is None:
            raise ValueError("a range needs both ends; give low and high")
        elif not self.low < self.high:
            raise ValueError("low is not below high; lower it, or exchange them")
        elif self.log and self.low <= 0:
            raise ValueError("low is not above 0, where log is true; raise it, or set log to false")
        return self

    @model_serializer
    def _as_given(self) -> Any:
        if self.choices is not None:
            return list(self.choices)
        return {"low": self.low, "high": self.high, "log": self.log, "steps": self.steps}

    def ends(self) -> tuple[Any, ...]:
        """The values that decide whether the whole dimension is allowed."""
        if self.choices is not None:
            return self.choices
        ends = [end for end in (self.low, self.high) if end is not None]
        return tuple(int(end) if end.is_integer() else end for end in ends)

    def grid(self, whole: bool) -> list[Any]:
        """The values that a grid tries, whole numbers or not."""
        if self.choices is not None:
            return list(self.choices)
        assert self.low is not None and self.high is not None  # noqa: S101
        first, last = (math.log(e) if self.log else e for e in (self.low, self.high))
        points = [first + (last - first) * i / (self.steps - 1) for i in range(self.steps)]
        values = [self.low, *(math.exp(p) if self.log else p for p in points[1:-1]), self.high]
        return list(dict.fromkeys(round(v) for v in values)) if whole else values


class TuneParams(Block):
    """A search; off while `trials` is 0."""

    trials: Annotated[int, Field(ge=0, le=100_000)] = 0
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    pruning: bool = True  # give up trials that are behind after an epoch
    space: dict[str, Dimension | None] = {}  # null: not searched


@dataclass(frozen=True)
class Searched:
    """One searched parameter: its path and its range or choices."""

    block: str  # "" or a block of a model's entry
    key: str
    dimension: Dimension
    whole: bool  # whether a range means whole numbers

    @property
    def path(self) -> str:
        """The dotted name, within the entry."""
        return f"{self.block}.{self.key}" if self.block else self.key


@dataclass(frozen=True)
class Tuning:
    """A checked search."""

    trials: int
    sampler: str
    pruning: bool
    space: tuple[Searched, ...]  # sorted by path


_TOGETHER = ("head.hidden", "head.dropout")

Targets = Mapping[str, type[Block]]

_HEAD_TARGETS: Targets = {"head": HeadParams, "train": TrainParams, "fine_tune": FineTuneParams}


def read_model_tuning(name: str, path: Path = PARAMS) -> Tuning:
    """The search of model `name`: its own `tune` over the shared one, key by key.

    What is searched under `fine_tune` counts only where the model is fine-tuned.

    Raises:
        BakeoffError: a value is not allowed, or a searched parameter is unknown.
    """
    shared = _merged({}, "tune", _HEAD_TARGETS, path)
    own = _merged(shared, f"models.{name}.tune", _HEAD_TARGETS, path)
    tuning = _checked(own, f"models.{name}.tune", _HEAD_TARGETS, path)
    params = read_model_params(name, path)
    if not params.fine_tune.epochs or params.from_scratch:
        kept = tuple(searched for searched in tuning.space if searched.block != "fine_tune")
        tuning = replace(tuning, space=kept)
    if tuning.trials:
        _fits(params, tuning, f"{path}: 'models.{name}.tune.space'")
    return tuning


def _fits(params: ModelParams, tuning: Tuning, place: str) -> None:
    """Refuse values that the model's entry cannot take, such as three dropouts for two layers."""
    for values in _combinations(tuning):
        try:
            with_values(params, values)
        except BakeoffError as mistake:
            _, _, reason = str(mistake).partition(": 'with ")
            raise BakeoffError(f"{place} does not fit the model: with '{reason}") from None


def _combinations(tuning: Tuning) -> Iterator[dict[str, Any]]:
    """Each value alone, and each width of the head with each dropout."""
    ends = {searched.path: searched.dimension.ends() for searched in tuning.space}
    for path, values in ends.items():
        yield from ({path: value} for value in values if path not in _TOGETHER)
    together = [path for path in _TOGETHER if path in ends]
    for chosen in product(*(ends[path] for path in together)):
        yield dict(zip(together, chosen, strict=True))


def read_forest_tuning(name: str, path: Path = PARAMS) -> Tuning:
    """The search of the forest in the block `name`."""
    return _baseline(name, ForestParams, path)


def read_logistic_tuning(path: Path = PARAMS) -> Tuning:
    """The search of each logistic regression."""
    return _baseline("logistic", LogisticParams, path)


def _baseline(key: str, block: type[Block], path: Path) -> Tuning:
    where, targets = f"{key}.tune", {"": block}
    return _checked(_merged({}, where, targets, path), where, targets, path)


def _optional(key: str, path: Path) -> dict[str, Any]:
    """The mapping at `key`; empty where the file leaves it out."""
    parent, _, last = key.rpartition(".")
    entry = read_key(parent, path) if parent else read_params(path)
    return entry.get(last, {}) if isinstance(entry, dict) else {}


def _merged(base: dict[str, Any], where: str, targets: Targets, path: Path) -> dict[str, Any]:
    """What stands at `where` over `base`, checked by itself so that a mistake is where it is."""
    own = _optional(where, path)
    both = merge(base, own) if isinstance(own, dict) else own
    _checked(both, where, targets, path)
    return both


def _checked(value: Any, where: str, targets: Targets, path: Path) -> Tuning:
    params = parse(TuneParams, value, where=where, path=path)
    space = []
    for name, dimension in params.space.items():
        if dimension is not None:
            place = f"{path}: '{where}.space.{name}'"
            space.append(_searched(name, dimension, targets, place))
    if params.trials and not space:
        raise BakeoffError(f"{path}: '{where}.space' searches nothing; set '{where}.trials' to 0")
    space.sort(key=lambda searched: searched.path)
    return Tuning(params.trials, params.sampler, params.pruning, tuple(space))


def _searched(name: str, dimension: Dimension, targets: Targets, place: str) -> Searched:
    """Find the parameter that `name` means, and let it judge the values itself."""
    block, key = _target(name, targets, place)
    values = []
    for value in dimension.ends():
        try:
            parsed = targets[block].model_validate_json(json.dumps({key: value}), strict=True)
        except ValidationError as error:
            field = targets[block].model_fields[key]
            detail = error.errors(include_url=False)[0]
            reason = remedy(detail, value, field.annotation, field.metadata)
            raise BakeoffError(f"{place} may not be {value!r}: {reason}") from None
        values.append(parsed.model_dump(mode="json")[key])
    if dimension.choices is not None:
        return Searched(block, key, Dimension(choices=tuple(values)), whole=False)
    if not all(type(value) in (int, float) for value in values):
        raise BakeoffError(f"{place} is no number; give a list of choices instead of a range")
    return Searched(block, key, dimension, whole=all(type(value) is int for value in values))


def _target(name: str, targets: Targets, place: str) -> tuple[str, str]:
    block, _, key = name.rpartition(".")
    found = [b for b in ([block] if block else targets) if b in targets]
    for candidate in found:
        if key in targets[candidate].model_fields and key != "tune":
            return candidate, key
    known = sorted({k for target in targets.values() for k in target.model_fields} - {"tune"})
    raise BakeoffError(f"{place} is no parameter; name one of {', '.join(known)}")
