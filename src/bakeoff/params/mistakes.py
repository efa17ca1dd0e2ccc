"""A sentence for each mistake that pydantic finds: the key, its value and the allowed values."""

import json
from collections.abc import Iterable
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from bakeoff.params.allowed import allowed_values
from bakeoff.runtime.addresses import without_secrets
from bakeoff.runtime.errors import one_line

ADDRESSES = {"url", "weights_mirror"}  # values that may contain a password
_MOST_MISTAKES = 20  # listed per block


def mistakes(
    error: ValidationError, model: type[BaseModel], value: Any, *, where: str, path: Path
) -> list[str]:
    """A sentence for each mistake, the first twenty at most.

    Args:
        error: What pydantic found.
        model: The model that refused the value.
        value: The value.
        where: Its key in the file.
        path: The file.
    """
    details = error.errors(include_url=False)
    inner = {detail["loc"][:-1] for detail in details}  # a list of bad items counts as empty, too
    details = [d for d in details if d["type"] != "too_short" or d["loc"] not in inner]
    every = list(dict.fromkeys(_sentence(d, model, value, where, path) for d in details))
    if len(every) > _MOST_MISTAKES:
        more = f"{path}: {len(every) - _MOST_MISTAKES} more mistakes; correct these first"
        return [*every[:_MOST_MISTAKES], more]
    return every


def _sentence(detail: Any, model: type[BaseModel], value: Any, where: str, path: Path) -> str:
    known, annotation, metadata = _field(model, detail["loc"])
    key = ".".join([where, *map(str, known)]).strip(".")
    if detail["type"] == "extra_forbidden":
        return f"{path}: unknown key '{key}'; remove it or correct its spelling"
    allowed = allowed_values(annotation, metadata).replace("`", "")
    if known[-1:] == ("[key]",):
        return f"{path}: unknown key '{key.removesuffix('.[key]')}'; call it {allowed}"
    if detail["type"] == "missing":
        return f"{path}: the key '{key}' is missing; give {allowed}"
    given = detail["input"] if len(known) == len(detail["loc"]) else _at(value, known)
    message = remedy(detail, given, annotation, metadata)
    if not key:  # of the file as a whole
        return f"{path}: {message}"
    if isinstance(given, dict) and detail["type"] == "value_error":
        return f"{path}: '{key}': {message}"  # a rule between several of its keys
    # An address may contain a password.
    shown = "" if ADDRESSES & {*known} else f" is {shown_value(given)}"
    return f"{path}: '{key}'{shown}: {message}"


def remedy(detail: Any, given: Any, annotation: Any, metadata: Iterable[Any]) -> str:
    """What to give instead; in the words of our own validator, where one found the mistake."""
    if detail["type"] == "value_error":
        return str(detail["msg"]).removeprefix("Value error, ")
    allowed = allowed_values(annotation, metadata).replace("`", "")
    if isinstance(given, str) and _is_number_or_boolean(given) and "text" not in allowed:
        return f"give {allowed}, without quotes"
    if detail["type"] == "string_type" and not isinstance(given, dict | list):
        allowed = allowed.replace("text", "text in quotes")
    return f"give {allowed}"


def _field(model: Any, loc: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any, Any]:
    """The part of `loc` that is in the file, and the type and constraints there.

    pydantic continues below a union with its own names of the union's members.
    """
    annotation, metadata = model, ()
    for depth, part in enumerate(loc):
        inner = _without_null(annotation)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            if part not in inner.model_fields:
                return loc[: depth + 1], Any, ()
            field = inner.model_fields[part]
            annotation, metadata = field.annotation, tuple(field.metadata)
        elif get_origin(inner) is tuple:
            annotation, metadata = get_args(inner)[0], ()
        elif get_origin(inner) is dict:
            key = loc[depth + 1 :] == ("[key]",)  # pydantic's mark of a refused key
            annotation, metadata = get_args(inner)[not key], ()
        elif part != "[key]":
            return loc[:depth], annotation, metadata
    return loc, annotation, metadata


def _without_null(annotation: Any) -> Any:
    """The type without `Annotated` and without `None` in a union of two."""
    if get_origin(annotation) is Annotated:
        return _without_null(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        others = [one for one in get_args(annotation) if one is not NoneType]
        return _without_null(others[0]) if len(others) == 1 else annotation
    return annotation


def _at(value: Any, loc: tuple[Any, ...]) -> Any:
    for part in loc:
        value = value[part]
    return value


def _is_number_or_boolean(text: str) -> bool:
    try:
        return isinstance(json.loads(text), int | float)
    except ValueError:
        return False


def shown_value(value: Any) -> str:
    """A value for a message: one line of at most 60 characters, without credentials."""
    given = without_secrets(one_line(repr(value)))
    return given if len(given) <= 60 else given[:57] + "…"
