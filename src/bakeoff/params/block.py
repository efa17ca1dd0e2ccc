"""Reading YAML into frozen, strict models; an error names the file, the key and the remedy."""

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from bakeoff.runtime.addresses import without_secrets
from bakeoff.runtime.errors import BakeoffError, one_line

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
    "logistic",
    "folds",
    "evaluate",
    "tracking",
)

ADDRESSES = {"url", "weights_mirror"}  # what these keys hold may have a password in it

# An alias bomb expands while it is composed, so both limits are checked on the node graph.
_MAX_BYTES = 1_000_000


class Block(BaseModel):
    """A frozen block of parameters that forbids keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def read(cls, key: str, path: Path = PARAMS) -> Self:
        """Read the block `key` (dots descend) of `path`.

        Raises:
            BakeoffError: the file or the key is missing, or a value is not allowed.
        """
        return parse(cls, read_key(key, path), where=key, path=path)


B = TypeVar("B", bound=BaseModel)


class _NoAliases(yaml.SafeLoader):
    """A safe loader that refuses aliases: nothing here needs one, and they can explode."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.YAMLError(f"line {mark.line + 1}: YAML aliases are not allowed")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: the key '{key}' stands twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping; aliases, duplicate keys and files over 1 MB are refused."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BakeoffError(f"{path}: larger than {_MAX_BYTES} bytes; is this the right file?")
        value = deepcopy(_parsed(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise BakeoffError(f"{path}: no such file") from None
    except yaml.MarkedYAMLError as error:
        raise BakeoffError(f"{path}: not valid YAML: {_said(error)}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise BakeoffError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise BakeoffError(f"{path}: not valid YAML: nested too deeply") from None
    if not isinstance(value, dict):
        raise BakeoffError(f"{path}: expected a mapping of keys to values at the top level")
    return value


@lru_cache(maxsize=4)  # a stage reads some ten keys of one file
def _parsed(text: str) -> Any:
    return yaml.load(text, Loader=_NoAliases)  # noqa: S506


def _said(error: yaml.MarkedYAMLError) -> str:
    """What and where, without the line itself, which may hold half an address with a password."""
    mark = error.problem_mark or error.context_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return place + ", ".join(filter(None, (error.context, error.problem)))


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
    value: Any = read_params(path)
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise BakeoffError(f"{path}: the key '{key}' is missing")
        value = value[part]
    return value


def parse(model: type[B], value: Any, *, where: str, path: Path) -> B:
    """Validate `value` as `model`; the first mistake is said in one sentence."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise BakeoffError(first_mistake(error, where, path)) from None


def _given(value: Any, key: tuple[int | str, ...]) -> str:
    """The value that was refused; not that of an address, which misspelt may hold a password."""
    if ADDRESSES & {*key}:
        return ""
    given = without_secrets(one_line(repr(value)))
    return f" is {given if len(given) <= 60 else given[:57] + '…'}"


def first_mistake(error: ValidationError, where: str, path: Path) -> str:
    """One line for the first mistake, with the number of further ones."""
    details = error.errors(include_url=False)
    first = details[0]
    key = ".".join([where, *map(str, first["loc"])]).strip(".")
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        text = f"{path}: unknown key '{key}'; remove it or mend its spelling"
    elif first["type"] == "missing":
        text = f"{path}: the key '{key}' is missing"
    else:
        text = f"{path}: '{key}'{_given(first['input'], first['loc'])}: {message}"
    more = len(details) - 1
    return f"{text} (and {more} more mistake{'s' if more > 1 else ''})" if more else text
