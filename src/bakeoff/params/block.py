"""Parse YAML into frozen, strict models; errors name the file, the key and the remedy."""

import json
from datetime import date
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bakeoff.params.mistakes import mistakes
from bakeoff.params.yaml_files import read_yaml
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.readings import note_reading

PARAMS = Path("params.yaml")
PAGE = Path("docs/parameters.md")

# The order is that of the pipeline; `params.yaml` has exactly these keys.
TOP_LEVEL = (
    "dataset",
    "seed",
    "sort",
    "split",
    "augment",
    "tfrecord",
    "compute",
    "defaults",
    "tune",
    "models",
    "random_forest",
    "descriptor_forest",
    "logistic",
    "folds",
    "evaluate",
    "tracking",
)

_DECIDES_NO_OUTPUT = "tracking"
_MISSING = object()
_PORTS = {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
_DEVICES = {"con", "prn", "aux", "nul"} | _PORTS


class Block(BaseModel):
    """A frozen block of parameters that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def read(cls, key: str, path: Path = PARAMS) -> Self:
        """Read the block `key` (dots descend) of `path`.

        Raises:
            BakeoffError: the file or the key is missing, or a value is not allowed.
        """
        return parse(cls, read_key(key, path), where=key, path=path)


B = TypeVar("B", bound=BaseModel)


def read_params(path: Path = PARAMS) -> dict[str, Any]:
    """The whole parameter file, after a check of its top level."""
    tree = read_yaml(path)
    unknown = sorted(map(str, set(tree) - set(TOP_LEVEL)))
    if unknown:
        raise BakeoffError(
            f"{path}: unknown key '{unknown[0]}'; remove it or correct its spelling (the keys are "
            f"{', '.join(TOP_LEVEL)})"
        )
    return tree


def read_key(key: str, path: Path = PARAMS) -> Any:
    """The value at `key` of the parameter file (dots descend).

    Raises:
        BakeoffError: the file or the key is missing.
    """
    value = _descend(read_params(path), key)
    if value is _MISSING:
        raise BakeoffError(missing(key, path))
    if key.partition(".")[0] != _DECIDES_NO_OUTPUT:
        note_reading(f"'{key}' in {path}", lambda: _now(key, path) == value)
    return value


def missing(key: str, path: Path) -> str:
    """The sentence for a key that a parameter file lacks."""
    return f"{path}: the key '{key}' is missing; add it with one of the values in {PAGE}"


def _now(key: str, path: Path) -> Any:
    try:
        return _descend(read_params(path), key)
    except BakeoffError:
        return _MISSING


def _descend(value: Any, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return _MISSING
        value = value[part]
    return value


def parse(model: type[B], value: Any, *, where: str, path: Path) -> B:
    """Validate `value`, as it was read from YAML, as `model`.

    It is strict: a number is not text, a boolean is not a number, and 1.5 is not an integer.

    Raises:
        BakeoffError: it is invalid; one sentence per mistake.
    """
    plain = _plain(value)
    try:
        return model.model_validate_json(json.dumps(plain), strict=True)
    except ValidationError as error:
        raise BakeoffError(*mistakes(error, model, plain, where=where, path=path)) from None


def _plain(value: Any) -> Any:
    """`value` in JSON's types: dates as text, every key as text."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else _text(key): _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    known = value is None or isinstance(value, bool | int | float | str)
    return value if known else _text(value)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def is_device(name: str) -> bool:
    """Whether the name is reserved for a device on Windows."""
    return name.partition(".")[0].casefold() in _DEVICES
