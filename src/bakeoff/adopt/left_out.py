"""Globs of files that are no pictures of a class: masks, and pictures without a class."""

import glob
import re
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

from bakeoff.sort.suspicious_classes import MASK

_MASK_FOLDERS = frozenset(
    "annotation annotations gt groundtruth ground_truth label_map labelmap mask masks overlay "
    "overlays segmentation segmentations".split()
)


def mask_globs(pictures: Sequence[str]) -> list[str]:
    """Globs of pictures that are masks of others, by their names or their folder.

    Examples:
        >>> mask_globs(["a/1.png", "a/1_mask.png", "a/1_mask_1.png", "b/images/2.png"])
        ['*_mask.png', '*_mask_*.png']
    """
    stems = {str(PurePosixPath(path).with_suffix("")) for path in pictures}
    globs = []
    for path in pictures:
        stem = str(PurePosixPath(path).with_suffix(""))
        ending = MASK.search(stem)
        if ending and stem[: ending.start()] in stems:
            name = f"*{glob.escape(ending.group())}{PurePosixPath(path).suffix}"
            globs.append(re.sub(r"\d+(?=\.\w+$)", "*", name))
    folders = [
        f"*/{glob.escape(name)}/*"
        for path in pictures
        for name in PurePosixPath(path).parts[:-1]
        if name.lower() in _MASK_FOLDERS
    ]
    found = list(dict.fromkeys([*globs, *folders]))
    return found if not _all_fit(pictures, folders) else [*dict.fromkeys(globs)]


def _all_fit(pictures: Sequence[str], folders: Sequence[str]) -> bool:
    held = {name for path in pictures for name in PurePosixPath(path).parts[:-1]}
    return bool(folders) and not held - _MASK_FOLDERS - {""}


_MOST_GLOBS = 20


def globs_for(unwanted: Collection[str], wanted: Collection[str]) -> list[str]:
    """Globs of the unwanted files that fit no wanted one: whole folders where possible.

    None where more than 20 globs would be needed.

    Examples:
        >>> globs_for(["test/1.png", "test/2.png", "x.png"], ["train/cat/1.png"])
        ['/test/*', '/x.png']
    """
    kept = {parent for path in wanted for parent in PurePosixPath(path).parents}
    kept.add(PurePosixPath())
    globs: dict[str, None] = {}
    for path in sorted(unwanted):
        free = [p for p in reversed(PurePosixPath(path).parents) if p not in kept]
        if free:
            globs[f"/{glob.escape(str(free[0]))}/*"] = None
        else:
            globs[f"/{glob.escape(path)}"] = None
    return list(globs) if len(globs) <= _MOST_GLOBS else []
