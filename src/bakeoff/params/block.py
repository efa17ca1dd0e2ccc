"""Parse YAML into frozen, strict models; errors name the file, the key and the remedy."""

import json
from datetime import date
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bakeoff.params.yaml_files import read_yaml
from bakeoff.runtime.addresses import without_secrets
from bakeoff.runtime.errors import BakeoffError, one_line
from bakeoff.runtime.readings import note_reading

PARAMS = Path("params.yaml")

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

ADDRESSES = {"url", "weights_mirror"}  # values that may contain a password
_MOST_MISTAKES = 20  # listed per block
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
            f"{path}: unknown key '{unknown[0]}'; the keys are {', '.join(TOP_LEVEL)}"
        )
    return tree


def read_key(key: str, path: Path = PARAMS) -> Any:
    """The value at `key` of the parameter file (dots descend).

    Raises:
        BakeoffError: the file or the key is missing.
    """
    value = _descend(read_params(path), key)
    if value is _MISSING:
        raise BakeoffError(f"{path}: the key '{key}' is missing")
    if key.partition(".")[0] != _DECIDES_NO_OUTPUT:
        note_reading(f"'{key}' in {path}", lambda: _now(key, path) == value)
    return value


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
    try:
        return model.model_validate_json(json.dumps(_plain(value)), strict=True)
    except ValidationError as error:
        raise BakeoffError(*mistakes(error, where, path)) from None


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


def mistakes(error: ValidationError, where: str, path: Path) -> list[str]:
    """A sentence for each mistake, the first twenty at most."""
    details = error.errors(include_url=False)
    inner = {detail["loc"][:-1] for detail in details}  # a list of bad items counts as empty, too
    details = [d for d in details if d["type"] != "too_short" or d["loc"] not in inner]
    sentences = [_sentence(detail, where, path) for detail in details[:_MOST_MISTAKES]]
    if len(details) > _MOST_MISTAKES:
        sentences.append(f"{path}: {len(details) - _MOST_MISTAKES} more mistakes")
    return sentences


def _sentence(detail: Any, where: str, path: Path) -> str:
    key = ".".join([where, *map(str, detail["loc"])]).strip(".")
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        return f"{path}: unknown key '{key}'; remove it or correct its spelling"
    if detail["type"] == "missing":
        return f"{path}: the key '{key}' is missing"
    if not key:  # of the file as a whole
        return f"{path}: {message}"
    if isinstance(detail["input"], dict) and detail["type"] == "value_error":
        return f"{path}: '{key}': {message}"  # a rule between several of its keys
    return f"{path}: '{key}'{_given(detail['input'], detail['loc'])}: {message}"


def is_device(name: str) -> bool:
    """Whether the name is reserved for a device on Windows."""
    return name.partition(".")[0].casefold() in _DEVICES


def shown_value(value: Any) -> str:
    """A value for a message: one line of at most 60 characters, without credentials."""
    given = without_secrets(one_line(repr(value)))
    return given if len(given) <= 60 else given[:57] + "…"


def _given(value: Any, key: tuple[int | str, ...]) -> str:
    """The refused value; empty for addresses, which may contain a password."""
    if ADDRESSES & {*key}:
        return ""
    return f" is {shown_value(value)}"
