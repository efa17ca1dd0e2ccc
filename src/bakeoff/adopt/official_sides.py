"""The archive's own sides, as folders' names tell them."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from bakeoff.runtime.tables import SIDES
from bakeoff.sort.label_tables import SIDE_NAMES

_WORDS = re.compile(r"[-_ .]+|(?<=[a-z])(?=[A-Z])|(?<=\D)(?=\d)|(?<=\d)(?=\D)")


def side_named(name: str) -> str:
    """The side that a folder or file is named for; "" for none or several.

    Examples:
        >>> side_named("seg_train"), side_named("valid"), side_named("strain"), side_named("cat")
        ('train', 'val', '', '')
    """
    words = [word.lower() for word in _WORDS.split(name)]
    sides = {SIDE_NAMES[w] for w in words if w in SIDE_NAMES and (len(w) > 2 or len(words) == 1)}
    return sides.pop() if len(sides) == 1 else ""


def official_of(pictures: Sequence[str]) -> dict[str, str]:
    """A glob for each side, if the folders of one level are named for at least two sides.

    Examples:
        >>> official_of(["x/train/a/1.png", "x/test/a/2.png"])
        {'train': '*/train/*', 'test': '*/test/*'}
    """
    levels: dict[int, set[str]] = defaultdict(set)
    for path in pictures:
        for level, name in enumerate(PurePosixPath(path).parts[:-1]):
            levels[level].add(name)
    for _, names in sorted(levels.items()):
        named: dict[str, list[str]] = defaultdict(list)
        for name in sorted(names):
            if side := side_named(name):
                named[side].append(name)
        if len(named) > 1:
            return {side: f"*/{_one(named[side])}/*" for side in SIDES if side in named}
    return {}


def _one(names: Sequence[str]) -> str:
    """The folder of a side; of several the one with the shortest name."""
    return min(names, key=lambda name: (len(name), name))
