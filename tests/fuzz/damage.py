"""Hypothesis strategies that damage bytes and trees of parameters."""

import copy
from typing import Any

from hypothesis import strategies as st

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@st.composite
def damaged(draw: st.DrawFn, samples: list[bytes]) -> bytes:
    """One of `samples`, damaged in up to eight places."""
    content = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.sampled_from((1, 2, 4, 16, 200)))
        how = draw(st.sampled_from(("flip", "number", "random", "cut", "drop", "repeat", "swap")))
        piece = content[at : at + length]
        if how == "flip" and content:
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "number":
            number = draw(st.sampled_from(_NUMBERS))
            little, big = number.to_bytes(4, "little"), number.to_bytes(4, "big")
            content[at : at + 4] = draw(st.sampled_from((little, big)))
        elif how == "random":
            content[at : at + length] = draw(st.binary(min_size=1, max_size=length))
        elif how == "cut":
            del content[at:]
        elif how == "drop":
            del content[at : at + length]
        elif how == "repeat":
            content[at:at] = piece * draw(st.integers(1, 4))
        elif how == "swap":
            other = draw(st.integers(0, max(0, len(content) - 1)))
            content[other : other + length] = piece
    return bytes(content)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.dates()
    | st.sampled_from(("../..", "~", "/etc/passwd", "http://127.0.0.1:1/x", "imagenet", "肺炎"))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


def places(tree: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in nested mappings and lists."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree)
    found = []
    for key, value in inner:
        found.append((*here, key))
        if isinstance(value, dict | list):
            found += places(value, (*here, key))
    return found


@st.composite
def disturbed(draw: st.DrawFn, tree: dict[str, Any]) -> dict[str, Any]:
    """`tree` with up to three values replaced, removed, renamed or doubled."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        open_places = places(tree)
        if not open_places:
            break
        *parents, key = draw(st.sampled_from(open_places))
        node: Any = tree
        for parent in parents:
            node = node[parent]
        how = draw(st.sampled_from(("replace", "replace", "remove", "rename", "wrap")))
        if how == "replace":
            node[key] = draw(VALUES)
        elif how == "wrap":
            node[key] = [node[key]]
        elif how == "remove":
            del node[key]
        elif isinstance(node, dict):
            node[draw(st.text(max_size=12) | st.integers() | st.none())] = node.pop(key)
    return tree
