"""The text of a data set's file, and the edit of `params.yaml`."""

import json
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode

from bakeoff.adopt.tried_reading import Reading
from bakeoff.runtime.errors import BakeoffError

_PLAIN = re.compile(r"(~?/|\.\.?/)*[A-Za-z_][\w./-]*( [\w./]+)*")
_NO_TEXT = frozenset("true false yes no on off null none y n".split())
_WIDTH = 100
_ORDER = (
    "kind description source licence archive url sha256 inner_archives follow_links keep "
    "leave_out table image_column image_suffix image_folder label_column label_columns "
    "pixels_column separator depth images labels level label group_column group split_column "
    "official rename delimiter encoding"
).split()


def description(reading: Reading, archive: str, *, header: str) -> str:
    """The text of `datasets/<name>.yaml`, with comments."""
    keys = {"description": "", "source": "", "licence": "", "archive": archive, **reading.keys}
    comments = {
        "description": "what the pictures show; for the report",
        "source": "the public page they are from, if any",
        **reading.comments,
    }
    lines = [f"# {header}"]
    for key in sorted(keys, key=_ORDER.index):
        lines += _entry(key, keys[key], comments.get(key, ""))
    return "\n".join(lines) + "\n"


def _entry(key: str, value: Any, comment: str) -> list[str]:
    line = f"{key}: {_flow(value)}"
    note = f" # {comment}" if comment else ""
    if len(line + note) <= _WIDTH:
        return [line + note]
    above = [f"# {comment}"] if comment else []
    if len(line) <= _WIDTH or not isinstance(value, list | dict):
        return [*above, line]
    items = (
        [f"{_scalar(k)}: {_flow(v)}" for k, v in value.items()]
        if isinstance(value, dict)
        else [f"- {_flow(item)}" for item in value]
    )
    return [*above, f"{key}:", *(f"  {item}" for item in items)]


def _flow(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """A scalar that every version of YAML reads as what it is."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _NO_TEXT:
        return value
    if value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value)


def with_values(text: str, values: dict[str, Any], path: Path) -> str:
    r"""The text of a YAML file with other values, everything else as it stands.

    Raises:
        BakeoffError: the file has no such key.

    Examples:
        >>> with_values("a: 1 # one\nb: {c: 2}\n", {"a": "x", "b.c": 3}, Path("params.yaml"))
        'a: x # one\nb: {c: 3}\n'
    """
    for key, value in values.items():
        node = _scalar_at(text, key)
        if node is None:
            raise BakeoffError(f"{path}: no key '{key}'; add it with the value {value}")
        start, end = node.start_mark.index, node.end_mark.index
        text = text[:start] + _scalar(value) + text[end:]
    return text


def _scalar_at(text: str, key: str) -> ScalarNode | None:
    node = YAML(typ="safe", pure=True).compose(text)
    for part in key.split("."):
        if not isinstance(node, MappingNode):
            return None
        node = next((value for name, value in node.value if name.value == part), None)
    return node if isinstance(node, ScalarNode) else None
