"""Readings of files of arrays: images with their labels."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.adopt.listing import Listing, read_members
from bakeoff.adopt.official_sides import side_named
from bakeoff.adopt.tried_reading import Reading
from bakeoff.ingest.array_files import ArrayFile, open_arrays
from bakeoff.ingest.arrays import images_folder, label_names
from bakeoff.ingest.containers import damage_reported
from bakeoff.ingest.member_names import label_folder
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tables import SIDES

_IMAGE_WORDS = frozenset("data features image images img imgs idx3 pictures ubyte x".split())
_LABEL_WORDS = frozenset("answers class classes idx1 label labels target targets ubyte y".split())
_WORDS = re.compile(r"[-_./ ]+")
_LEAST_SIDE = 8  # pixels
_MOST_BYTES = 20e9


@dataclass(frozen=True)
class _Array:
    file: ArrayFile
    name: str
    shape: tuple[int, ...]
    kind: str

    @property
    def words(self) -> list[str]:
        return [word.lower() for word in _WORDS.split(self.name)]

    @property
    def is_images(self) -> bool:
        if len(self.shape) not in (3, 4) or self.kind not in "uifb":
            return False
        sides = sorted(self.shape[1:])[-2:]
        return min(sides) >= _LEAST_SIDE

    @property
    def is_labels(self) -> bool:
        return bool(self.shape) and (
            len(self.shape) == 2 or self.shape[1:].count(1) == len(self.shape) - 1
        )

    def values(self) -> Any:
        return self.file.read(self.name)[...]


def array_readings(listing: Listing) -> list[Reading]:
    """The way to read files of arrays, in a list; empty if there are no images with labels.

    Raises:
        BakeoffError: a file is damaged.
    """
    with ExitStack() as stack:
        arrays = [array for file in _opened(listing, stack) for array in _arrays(file)]
        pairs = _pairs(arrays)
        return [_reading(pairs, arrays)] if pairs else []


def _opened(listing: Listing, stack: ExitStack) -> Iterator[ArrayFile]:
    for path in _on_disk(listing, stack):
        with damage_reported(path):
            if (file := open_arrays(path, stack, _MOST_BYTES)) is not None:
                yield file


def _on_disk(listing: Listing, stack: ExitStack) -> list[Path]:
    if listing.archive.is_dir():
        return [listing.archive / name for name in listing.arrays]
    if listing.arrays == (listing.archive.name,):
        return [listing.archive]
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    paths = []
    for name, content in read_members(listing, listing.arrays).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        paths.append(path)
    return sorted(paths)


def _arrays(file: ArrayFile) -> list[_Array]:
    found = []
    for name in file.names:
        try:
            array = file.read(name)
            found.append(_Array(file, name, tuple(array.shape), array.dtype.kind))
        except (BakeoffError, AttributeError, KeyError):
            continue  # no plain numbers, or none at all
    return found


def _pairs(arrays: Sequence[_Array]) -> list[tuple[_Array, _Array]]:
    """Each array of images with its labels: as many, in the same file or of a like name."""
    pairs = []
    for images in (array for array in arrays if array.is_images):
        fitting = [
            a
            for a in arrays
            if a is not images and a.is_labels and a.shape[0] == images.shape[0] and _names(a)
        ]
        if fitting:
            pairs.append((images, max(fitting, key=lambda a: (*_likeness(images, a), a.name))))
    order = (*SIDES, "")
    return sorted(pairs, key=lambda pair: order.index(side_named(pair[0].name)))


def _likeness(images: _Array, labels: _Array) -> tuple[bool, int, bool]:
    rest = set(images.words) - _IMAGE_WORDS, set(labels.words) - _LABEL_WORDS
    named = bool(_LABEL_WORDS & set(labels.words))
    return (images.file is labels.file, len(rest[0] & rest[1]), named)


def _reading(pairs: Sequence[tuple[_Array, _Array]], arrays: Sequence[_Array]) -> Reading:
    named = dict.fromkeys((images.name, labels.name) for images, labels in pairs)
    images, labels = (list(names) for names in zip(*named, strict=True))
    one = len(images) == 1
    keys: dict[str, Any] = {
        "kind": "arrays",
        "images": images[0] if one else images,
        "labels": labels[0] if one else labels,
    }
    first, target = pairs[0]
    why = f"'{first.name}' has shape {first.shape} and '{target.name}' {target.shape}"
    reading = Reading("arrays of images and of labels", why, keys)
    if official := _official(pairs):
        reading = reading.with_key("official", official, "the archive's own sides")
    found = {name for _, target in pairs for name in set(_names(target))}
    if rename := _rename(arrays, found):
        reading = reading.with_key("rename", rename, "the file's own names of the classes")
    least = min(sorted(images.shape[1:])[-2] for images, _ in pairs)
    params = {"sort.min_side": least} if least < 32 else {}
    return replace(reading, params=params, unpacked=tuple(_unpacked(pairs)))


def _names(labels: _Array) -> list[str]:
    """The labels as text; none if these are no labels."""
    try:
        return label_names(labels.values(), labels.shape[0], labels.name)
    except BakeoffError:
        return []


def _unpacked(pairs: Sequence[tuple[_Array, _Array]]) -> Iterator[str]:
    for images, labels in pairs:
        folder = images_folder(images.file.path, images.name)
        for index, label in enumerate(_names(labels)):
            yield f"{folder}/{label_folder(label)}/{index}.png"


def _official(pairs: Sequence[tuple[_Array, _Array]]) -> dict[str, str]:
    """A glob for each side, from the names of the arrays or of their files."""
    folders = [images_folder(images.file.path, images.name).split("/") for images, _ in pairs]
    by_array = {side_named(name): f"*/{name}/*" for _, name in folders}
    stems = {side_named(stem): f"*/{stem}/*" for stem, _ in folders}
    for globs in (by_array, stems):
        if len(globs) > 1 and len(globs) == len(pairs):
            named = {side or "test": glob for side, glob in globs.items()}  # t10k- of MNIST
            return {side: named[side] for side in SIDES if side in named}
    return {}


def _rename(arrays: Sequence[_Array], found: set[str]) -> dict[str, str]:
    """The names of numbered classes, if the file holds a text for each of them."""
    numbers = [str(number) for number in range(len(found))]
    for array in arrays:
        if array.shape == (len(found),) and array.kind in "SUO" and found == set(numbers):
            values = [
                v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in array.values()
            ]
            texts = [str(value).strip() for value in np.asarray(values).tolist()]
            if len({text.casefold() for text in texts}) == len(texts) and texts != numbers:
                return dict(zip(numbers, texts, strict=True))
    return {}
