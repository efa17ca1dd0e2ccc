"""Which values a key takes, in words: for error messages and for docs/parameters.md."""

import json
from collections.abc import Iterable
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel

_NAMES = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("text", "texts"),
    bool: ("`true` or `false`", "`true` or `false`"),
}
_BOUNDS = (
    (Ge, "ge", "of at least"),
    (Gt, "gt", "above"),
    (Le, "le", "at most"),
    (Lt, "lt", "below"),
)


def allowed_values(annotation: Any, metadata: Iterable[Any] = (), *, many: bool = False) -> str:  # noqa: PLR0911
    """In words, with YAML in backticks, the values of a type with constraints.

    Args:
        annotation: The type of a field.
        metadata: Constraints of `annotated_types`, or a `Field` that holds some.
        many: Whether the words are in the plural.
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return allowed_values(inner[0], (*inner[1:], *metadata), many=many)
    constraints = [*metadata]
    for one in metadata:  # a whole `Field` stands where its type is nested
        constraints += getattr(one, "metadata", [])
    if origin is Literal:
        return _either([f"`{json.dumps(value)}`".replace('"', "") for value in inner])
    if origin in (Union, UnionType):
        return ", or ".join(
            "`null`" if one is NoneType else allowed_values(one, constraints) for one in inner
        )
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        keys = ", ".join(f"`{name}`" for name in annotation.model_fields)
        return f"{'mappings' if many else 'a mapping'} with keys of {keys}"
    least = next((one.min_length for one in constraints if isinstance(one, MinLen)), 0)
    if origin is tuple:
        items = "values" if inner[0] is Any else allowed_values(inner[0], many=True)
        return f"a list of {f'{least} or more ' * (least > 0)}{items}"
    if origin is dict:
        return f"a mapping{f' of {least} or more keys' * (least > 0)}"
    if annotation is str:
        return _text(least, constraints, many)
    return " ".join([_NAMES[annotation][many], _bounds(constraints)]).strip()


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _text(least: int, constraints: list[Any], many: bool) -> str:
    most = next((one.max_length for one in constraints if isinstance(one, MaxLen)), None)
    if most is not None:
        return f"text of {most} character" + "s" * (most > 1)
    return _NAMES[str][many] + f" that {'are' if many else 'is'} not empty" * (least > 0)


def _bounds(constraints: list[Any]) -> str:
    found = {
        name: (words, f"{getattr(one, name):.15g}")
        for kind, name, words in _BOUNDS
        for one in constraints
        if isinstance(one, kind)
    }
    if {"ge", "le"} <= found.keys():
        return f"from {found['ge'][1]} to {found['le'][1]}"
    return " and ".join(" ".join(pair) for pair in found.values())
