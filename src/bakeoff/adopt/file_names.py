"""Readings in which a part of the file's name is the class."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from bakeoff.adopt.left_out import globs_for, mask_globs
from bakeoff.adopt.official_sides import official_of
from bakeoff.adopt.tried_reading import Reading
from bakeoff.ingest.member_names import matches

# A pattern is tried only if none of its own row above it fits.
_PATTERNS = (
    (
        (r"/([^/\d]*[^/\d\W_])[-_ .(]*\d+\)?{end}$", "the words before the number"),
        (r"/([^\W\d_]+)[-_. ][^/]*{end}$", "the first word of the name"),
    ),
    (
        (r"/[^/]*\d[-_ .]+([^\W\d_][^/\d]*){end}$", "the words after the number"),
        (r"/[^/]*\d[-_. ]+([^\W\d_]+)[-_. ]+\d+{end}$", "the word between the numbers"),
        (r"/[^/]*[-_. ]([^\W\d_]+){end}$", "the last word of the name"),
    ),
)
_NUMBERS = (
    (r"/(n\d{8})_\d+{end}$", "the number of the class before the name"),
    (r"/([^\W_]*\d{1,3})[-_][^/]*{end}$", "the number at the start of the name"),
    (r"/[^/]*[-_]\D*(\d{1,3}){end}$", "the number at the end of the name"),
)
_MOST = 0.9
_LEAST = 3  # pictures of a class


def name_readings(pictures: Sequence[str]) -> list[Reading]:
    """The ways to read names as classes, the likeliest first; none if none gives classes."""
    masks = mask_globs(pictures)
    own = [path for path in pictures if not matches(path, masks)]
    suffixes = sorted({PurePosixPath(path).suffix for path in own})
    end = (
        re.escape(suffixes[0])
        if len(suffixes) == 1
        else f"(?:{'|'.join(map(re.escape, suffixes))})"
    )
    found: list[tuple[Reading, dict[str, str]]] = []
    for row in (*_PATTERNS, _NUMBERS):
        for template, what in row:
            pattern = template.replace("{end}", end)
            labels = labels_by(pattern, own)
            if labels is None or (row is _NUMBERS and found):
                continue
            if not any(_same(labels, other) for _, other in found):
                found.append((_reading(pattern, what, labels, own, masks), labels))
            break
    return [reading for reading, _ in found]


def labels_by(pattern: str, pictures: Sequence[str]) -> dict[str, str] | None:
    r"""The label of each picture whose name fits; None where these are no classes.

    Examples:
        >>> paths = [f"{name}_{number}.jpg" for name in ("cat", "dog") for number in range(3)]
        >>> labels = labels_by(r"/(.+)_\d+.jpg$", paths)
        >>> labels["cat_0.jpg"], len(labels), labels_by(r"/(cat)", paths)
        ('cat', 6, None)
    """
    found = {path: re.search(pattern, f"/{path}") for path in pictures}
    fitting = {path: match.group(1) for path, match in found.items() if match}
    folders = {PurePosixPath(path).parent for path in fitting}
    there = sum(PurePosixPath(path).parent in folders for path in pictures)
    counts = Counter(fitting.values())
    small = sum(count < _LEAST for count in counts.values())
    if len(fitting) < _MOST * there or len(counts) < 2 or small > 0.2 * len(counts):
        return None
    enough = len(fitting) >= _LEAST * len(counts) and counts.most_common(1)[0][1] < len(fitting)
    return fitting if enough else None


def _same(one: dict[str, str], other: dict[str, str]) -> bool:
    """Whether two labellings have the same classes under any names."""
    pairs = {(one[path], other.get(path)) for path in one}
    return len(pairs) == len({first for first, _ in pairs}) == len({last for _, last in pairs})


def _reading(
    pattern: str, what: str, labels: dict[str, str], own: Sequence[str], masks: list[str]
) -> Reading:
    keys = {"kind": "filenames", "label": pattern}
    reading = Reading(f"the label is in the file's name: {what}", "", keys)
    if official := official_of([*labels]):
        reading = reading.with_key("official", official, "the archive's own sides")
    globs = [*masks, *globs_for([path for path in own if path not in labels], [*labels])]
    return reading.with_key("leave_out", globs, "pictures without a class") if globs else reading
