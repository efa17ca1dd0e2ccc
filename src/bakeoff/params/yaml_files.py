"""Reading YAML: version 1.2 by ruamel.yaml, as DVC reads it, with limits on what is accepted."""

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bakeoff.runtime.errors import BakeoffError

# An alias bomb expands while it is composed, so aliases are refused on the stream of events.
_MAX_BYTES = 1_000_000
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "timestamp")}
_NULL = "tag:yaml.org,2002:null"
_COLLECTIONS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}


def read_yaml(path: Path, *, as_text: bool = False) -> dict[str, Any]:
    """Read a YAML mapping; aliases, duplicate keys and files over 1 MB are refused.

    Args:
        path: A file in UTF-8.
        as_text: Whether every value and key stays the text that stands in the file, so that a
            label `010` is not the number 10; only a value of null becomes None.

    Raises:
        BakeoffError: the file is missing, unreadable, or no such mapping.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BakeoffError(f"{path}: larger than {_MAX_BYTES} bytes; name a smaller file")
        value = deepcopy(_parsed(path.read_text(encoding="utf-8"), as_text))
    except FileNotFoundError:
        raise BakeoffError(
            f"{path}: no such file; restore it, with `git checkout {path}` if it was committed"
        ) from None
    except OSError as error:
        raise BakeoffError(
            f"{path}: cannot be read ({error.strerror}); make it a readable file"
        ) from None
    except UnicodeDecodeError as error:
        raise BakeoffError(f"{path}: not UTF-8 ({error.reason}); save it as UTF-8") from None
    except MarkedYAMLError as error:
        raise BakeoffError(
            f"{path}: not valid YAML: {_problem(error)}; correct that line"
        ) from None
    except (YAMLError, ValueError, TypeError) as error:
        raise BakeoffError(
            f"{path}: not valid YAML: {' '.join(str(error).split())}; correct it"
        ) from None
    except RecursionError:
        raise BakeoffError(
            f"{path}: not valid YAML: nested too deeply, write fewer levels"
        ) from None
    if not isinstance(value, dict):
        raise BakeoffError(
            f"{path}: no mapping at the top level; write lines of the form 'key: value'"
        )
    return value


@lru_cache(maxsize=4)  # a stage reads some ten keys of one file
def _parsed(text: str, as_text: bool) -> Any:
    if "*" in text:
        for event in YAML(typ="safe").parse(text):
            if isinstance(event, AliasEvent):
                line = event.start_mark.line + 1
                raise YAMLError(f"line {line}: YAML aliases are not allowed, repeat the value")
    value = YAML(typ="safe").load(text)  # also where text is wanted: it refuses duplicate keys
    texts = _texts(YAML(typ="safe").compose(text))
    return texts if as_text else value


def _texts(node: Node | None) -> Any:
    """The tree with every scalar as it stands in the file; refuses what is no plain data."""
    if node is None:
        return None
    if isinstance(node, ScalarNode) and node.tag in (*_TAGS, _NULL):
        return None if node.tag == _NULL else node.value
    if isinstance(node, SequenceNode) and node.tag in _COLLECTIONS:
        return [_texts(item) for item in node.value]
    if isinstance(node, MappingNode) and node.tag in _COLLECTIONS:
        return {_key(key): _texts(value) for key, value in node.value}
    raise YAMLError(
        f"line {node.start_mark.line + 1}: the tag {node.tag} is not allowed, remove it"
    )


def _key(node: Node) -> str:
    if not isinstance(node, ScalarNode):
        raise YAMLError(f"line {node.start_mark.line + 1}: a key must be text, put it in quotes")
    return str(node.value)


def _problem(error: MarkedYAMLError) -> str:
    """What and where, without the values, which may hold half an address with a password."""
    mark = error.problem_mark or error.context_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    problem = str(error.problem or "").partition(" with value")[0]
    return place + ", ".join(filter(None, (error.context, problem)))
