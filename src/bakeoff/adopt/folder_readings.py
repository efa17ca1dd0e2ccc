"""Readings in which a folder's name is the class."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from bakeoff.adopt.left_out import globs_for, mask_globs
from bakeoff.adopt.official_sides import official_of, side_named
from bakeoff.adopt.tried_reading import Reading
from bakeoff.ingest.member_names import matches
from bakeoff.sort.suspicious_classes import PATIENT

# Folders that only hold pictures, at whatever level they stand.
CONTAINERS = frozenset(
    "data dataset files image images img imgs jpeg jpg jpegs jpgs photo photos pic pics picture "
    "pictures png pngs raw".split()
)
_NAMES = (  # n02085620-Chihuahua, 001.Albatross, cats.zip
    r"^n\d{8}[-_ ](.+)",
    r"^\d+[-_. ]+(\D.+)",
    r"^(.+)\.(?:zip|tar|tgz|tar\.gz)$",
)


@dataclass(frozen=True)
class _Place:
    """Folders of one picture: all of them, and positions of those that may be a class."""

    parts: tuple[str, ...]
    open: tuple[int, ...]

    def name(self, level: int) -> str:
        return self.parts[self.open[level]]


def folder_readings(pictures: Sequence[str]) -> list[Reading]:
    """The ways to read folders as classes, the likeliest first; none if there are no classes."""
    masks = mask_globs(pictures)
    own = [path for path in pictures if not matches(path, masks)]
    places, official = _places(own, with_sides=True)
    depth = _usual_depth(places)
    if depth == 0:
        places, official = _places(own, with_sides=False)
        depth = _usual_depth(places)
    if depth == 0:
        return []
    usual = {path: place for path, place in places.items() if len(place.open) == depth}
    readings = []
    for level in _class_levels(usual, depth):
        labelled = _labelled(places, usual, level)
        classes = set(labelled.values())
        if len(classes) < 2 or all(map(side_named, classes)):
            continue
        reading = _reading(labelled, places, level)
        loose = [path for path in own if path not in labelled]
        readings.append(_completed(reading, official, masks, loose, labelled))
    return readings


def _places(
    pictures: Sequence[str], *, with_sides: bool
) -> tuple[dict[str, _Place], dict[str, str]]:
    """The folders that may be classes, and the archive's own sides with their globs."""
    parts = {path: PurePosixPath(path).parts[:-1] for path in pictures}
    sides = official_of(pictures) if with_sides else {}
    closed = {glob.removeprefix("*/").removesuffix("/*") for glob in sides.values()}
    names: dict[int, set[str]] = defaultdict(set)
    for folders in parts.values():
        for position, name in enumerate(folders):
            names[position].add(name)
    frame = {p for p in names if {name.lower() for name in names[p]} <= CONTAINERS}
    frame |= {p for p in names if len(names[p]) == 1 and all(len(f) > p for f in parts.values())}
    of_sides = {p for p in names if names[p] & closed}

    def place(folders: tuple[str, ...]) -> _Place:
        is_side = {p for p in of_sides if p < len(folders) and side_named(folders[p])}
        if of_sides and not is_side:  # beside the sides, such as pictures without labels
            return _Place(folders, ())
        free = (p for p in range(len(folders)) if p not in frame | is_side)
        return _Place(folders, tuple(free))

    return {path: place(folders) for path, folders in parts.items()}, sides


def _usual_depth(places: dict[str, _Place]) -> int:
    """How many folders may be the class in most pictures; 0 if pictures lie in none."""
    names: dict[int, set[str]] = defaultdict(set)
    counts: Counter[int] = Counter()
    for place in places.values():
        counts[len(place.open)] += 1
        if place.open:
            names[len(place.open)].add(place.name(0) + "/" + place.name(-1))
    fitting = [n for n in counts if n and len(names[n]) > 1]
    return max(fitting, key=lambda n: (counts[n], -n), default=0)


def _class_levels(usual: dict[str, _Place], depth: int) -> list[int]:
    """The levels whose folders can be classes, the likeliest first."""
    names = {level: {p.name(level) for p in usual.values()} for level in range(depth)}
    varied = [level for level in names if len(names[level]) > 1]
    people = [level for level in varied if individuals(names[level])]
    classes = [level for level in varied if level not in people]
    if classes:
        return sorted(classes, reverse=True)  # the folder next to the picture first
    return sorted(people, key=lambda level: (len(names[level]), -level))[:1]


def individuals(names: Collection[str]) -> bool:
    """Whether names differ only in their numbers, as those of patients or sessions do.

    Examples:
        >>> individuals({"P001", "P002", "P017"}), individuals({"cat", "dog"})
        (True, False)
    """
    if all(PATIENT.match(name) for name in names):
        return True
    numbered = [name for name in names if re.search(r"\d", name)]
    stems = {re.sub(r"\d+", "", name) for name in numbered}
    return len(names) > 1 and len(numbered) > 0.9 * len(names) and 2 * len(stems) <= len(names)


def _labelled(places: dict[str, _Place], usual: dict[str, _Place], level: int) -> dict[str, str]:
    """The class of each picture that has a folder at the level, also at another depth."""
    labels = {path: place.name(level) for path, place in usual.items()}
    known = set(labels.values())
    for path, place in places.items():
        if path not in labels and len(place.open) > level and place.name(level) in known:
            labels[path] = place.name(level)
    return labels


def _reading(labelled: dict[str, str], places: dict[str, _Place], level: int) -> Reading:
    """The keys that give these labels."""
    position = {path: places[path].open[level] for path in labelled}
    above = {len(places[path].parts) - position[path] for path in labelled}
    classes = sorted(set(labelled.values()))
    if len(above) == 1:
        (up,) = above
        name = ("the folder of each picture", "the folder above a picture's folder")
        which = name[up - 1] if up <= 2 else f"the folder {up} levels above each picture"
        keys = {"kind": "folders"} | ({"level": up} if up > 1 else {})
        reading = Reading(f"one folder for each class: {which}", "", keys)
        return _bare(_one_spelling(reading, labelled), classes)
    tops = set(position.values())
    if len(tops) == 1:
        (top,) = tops
        pattern = "^" + "/[^/]+" * top + "/([^/]+)/"
    else:
        pattern = "/(" + "|".join(map(re.escape, classes)) + ")/"
    keys = {"kind": "filenames", "label": pattern}
    return Reading("one folder for each class, with folders in it", "", keys)


def _one_spelling(reading: Reading, labelled: dict[str, str]) -> Reading:
    """One name for classes that differ only in case, the most frequent one."""
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for label in labelled.values():
        spellings[label.casefold()][label] += 1
    rename = {
        label: counts.most_common(1)[0][0]
        for counts in spellings.values()
        for label in sorted(counts)
        if label != counts.most_common(1)[0][0]
    }
    return reading.with_key("rename", rename, "two spellings of one name") if rename else reading


def _bare(reading: Reading, classes: Sequence[str]) -> Reading:
    """Without the number before each class's name, where the rest still tells classes apart."""
    for pattern in _NAMES:
        found = [re.search(pattern, name) for name in classes]
        names = [match.group(1) for match in found if match]
        if len(names) == len(classes) == len({name.casefold() for name in names}):
            return reading.with_key("label", pattern, f"'{classes[0]}' is '{names[0]}'")
    return reading


def _completed(
    reading: Reading,
    official: dict[str, str],
    masks: Sequence[str],
    loose: Sequence[str],
    labelled: Collection[str],
) -> Reading:
    """With the sides, and with globs for masks and for pictures in no class folder."""
    if official:
        reading = reading.with_key("official", official, "the archive's own sides")
    globs = [*masks, *globs_for(loose, labelled)]
    what = "masks" if not loose else "pictures in no class folder" if not masks else "no pictures"
    return reading.with_key("leave_out", globs, what) if globs else reading
