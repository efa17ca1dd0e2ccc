"""Decode raw files, and copy those that are usable pictures: one shard of the sort stage."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from bakeoff.ingest.member_names import class_folder
from bakeoff.ingest.raw_files import RawPlace, read_raw_file
from bakeoff.params.data import SortParams
from bakeoff.pictures.decoding import SUFFIXES
from bakeoff.pictures.picture_error import PictureError
from bakeoff.runtime.files import replacing_file
from bakeoff.sort.labelled_file import LabelledFile
from bakeoff.sort.picture_facts import Facts, examine
from bakeoff.sort.quarantine import UNCOUNTED, Quarantined

_METADATA = 64 << 20  # bytes that a file may hold beside its pixels, of at most 8 bytes each


@dataclass(frozen=True, slots=True)
class Usable:
    """A raw file that is a usable picture."""

    found: LabelledFile
    path: str  # of its copy, below the stage's folder, POSIX
    facts: Facts


def examine_shard(
    shard: Sequence[tuple[LabelledFile, RawPlace]], *, raw: Path, target: Path, params: SortParams
) -> list[Usable | Quarantined]:
    """Decode some raw files once; copy the usable ones to `target/<label>/`; pure but for that.

    Raises:
        BakeoffError: the raw files are damaged.
    """
    return [_examine(item, raw, place, target, params) for item, place in shard]


def _examine(
    item: LabelledFile, raw: Path, place: RawPlace, target: Path, params: SortParams
) -> Usable | Quarantined:
    if place.size > 8 * params.max_pixels + _METADATA:
        detail = f"{place.size} bytes, more than {params.max_pixels} pixels take"
        return Quarantined(item.path, "too many pixels", detail)
    content = read_raw_file(raw, place)
    try:
        facts = examine(
            content,
            params.mode,
            max_pixels=params.max_pixels,
            min_side=params.min_side,
            white=params.white,
        )
    except PictureError as error:
        claims = PurePosixPath(item.path).suffix.lower() in SUFFIXES
        if error.reason in ("not a picture", "zero bytes") and not claims:
            detail = "neither named nor readable as a picture"
            return Quarantined(item.path, UNCOUNTED, detail, item.label)
        return Quarantined(item.path, error.reason, error.detail, item.label)
    path = f"{class_folder(item.label)}/{interim_name(item.path, facts.suffix)}"
    with replacing_file(target / path) as file:
        file.write_bytes(facts.rewritten or content)
    return Usable(item, path, replace(facts, rewritten=None))


def interim_name(source: str, suffix: str) -> str:
    """A file name of plain characters that depends only on the member's path.

    It has the stem, cut to 60 characters, for readers; the hash of the path makes it unique.
    """
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", PurePosixPath(source).stem).lstrip(".")[:60]
    return f"{stem}-{hashlib.sha256(source.encode()).hexdigest()[:10]}{suffix}"
