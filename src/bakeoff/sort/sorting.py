"""Validate every raw file once and sort the usable ones into one folder per class."""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from bakeoff.ingest.member_names import class_folder
from bakeoff.ingest.raw_files import (
    LEFT_OUT,
    RawFiles,
    read_left_out,
    reading_raw_files,
)
from bakeoff.params.data import SortParams
from bakeoff.params.datasets import Dataset
from bakeoff.pictures.canary import picture_digest
from bakeoff.runtime.cluster import Remote
from bakeoff.runtime.errors import BakeoffError, quoted
from bakeoff.runtime.files import remove_leftovers
from bakeoff.runtime.parallel import map_shards
from bakeoff.runtime.tables import MANIFEST_COLUMNS
from bakeoff.sort.labelled_file import LabelledFile
from bakeoff.sort.labelling import find_labels
from bakeoff.sort.quarantine import (
    UNCOUNTED,
    Quarantined,
    hint_at_others,
    quarantine_table,
    stop_at,
)
from bakeoff.sort.sampling import limit_classes, sample_groups
from bakeoff.sort.suspicious_classes import warn_of_classes
from bakeoff.sort.usable_pictures import Usable, examine_shard

log = logging.getLogger(__name__)

_SHARD = 32  # pictures
_DEEP = 65536  # grey values of a picture of 16 bits


@dataclass(frozen=True)
class Sorted:
    """Result of sorting."""

    # one row for each usable picture, sorted by path, with `MANIFEST_COLUMNS` and `brightness`
    # (mean grey value, 0 to 255)
    manifest: pd.DataFrame
    quarantine: pd.DataFrame  # `path`, `reason`, `detail`, sorted by path

    @property
    def classes(self) -> list[str]:
        """The class names, sorted; a name's position is its number everywhere."""
        return sorted(self.manifest["label"].unique())


def sort_pictures(
    raw: Path, target: Path, *, dataset: Dataset, params: SortParams, where: Path, prefix: str
) -> Sorted:
    """Decode each raw file once; copy the usable ones to `target/<label>/`.

    The target is an empty folder; on failure the caller removes it. `prefix` comes before
    `<label>/<file>` in the manifest.

    Raises:
        BakeoffError: too much is quarantined, fewer than two classes are left, or the raw files
            are damaged.
    """
    refused, usable, spoiled = _find_and_examine(raw, target, dataset, params, where)
    examined = len(usable) + len(spoiled)
    usable, conflicting = _separate_conflicts(usable, target)
    spoiled += conflicting
    stop_at(params.max_quarantined, refused, spoiled, examined, where)
    _warn_of_vanished(usable, spoiled)
    _warn_of_range(usable, params)
    usable, small = _leave_small_classes_out(usable, target, params.min_pictures)
    _need_two_classes(usable, refused + spoiled, params, where)

    outside = [
        Quarantined(item.path, UNCOUNTED, item.detail) for item in read_left_out(raw / LEFT_OUT)
    ]
    return Sorted(_manifest(usable, prefix), quarantine_table(outside + refused + spoiled + small))


def _find_and_examine(
    raw: Path, target: Path, dataset: Dataset, params: SortParams, where: Path
) -> tuple[list[Quarantined], list[Usable], list[Quarantined]]:
    """Files refused because of name or table, usable pictures, and unusable pictures."""
    with reading_raw_files(raw) as files:
        named = find_labels(files.names(), dataset, files.read, where)
        warn_of_classes(named, dataset)
        named = sample_groups(limit_classes(named, params.limit_classes), params.sample)
        candidates = [item for item in named if item.reason is None]
        usable, spoiled = _examine_all(candidates, files, raw, target, params)
    refused = [Quarantined(item.path, item.reason, item.detail) for item in named if item.reason]
    return refused, usable, spoiled


def _examine_all(
    candidates: Sequence[LabelledFile], files: RawFiles, raw: Path, target: Path, params: SortParams
) -> tuple[list[Usable], list[Quarantined]]:
    for label in sorted({item.label for item in candidates}):
        (target / class_folder(label)).mkdir()

    placed = [(item, files.place(item.path)) for item in candidates]
    shards = [placed[i : i + _SHARD] for i in range(0, len(placed), _SHARD)]
    examine = partial(examine_shard, raw=raw, target=target, params=params)
    remote = Remote(picture_digest, picture_digest())
    found = map_shards(examine, shards, describe="sorting", remote=remote)
    remove_leftovers(target)
    results = [result for shard in found for result in shard]
    usable = [result for result in results if isinstance(result, Usable)]
    return usable, [result for result in results if isinstance(result, Quarantined)]


def _separate_conflicts(
    usable: list[Usable], target: Path
) -> tuple[list[Usable], list[Quarantined]]:
    """Remove pictures whose pixels occur under several labels, because the true one is unknown."""
    labels: dict[str, set[str]] = defaultdict(set)
    for item in usable:
        labels[item.facts.image_id].add(item.found.label)
    kept, conflicting = [], []
    for item in usable:
        found = sorted(labels[item.facts.image_id])
        if len(found) == 1:
            kept.append(item)
        else:
            (target / item.path).unlink()
            detail = "identical pixels are " + " and ".join(found)
            conflicting.append(Quarantined(item.found.path, "conflicting labels", detail))
    return kept, conflicting


def _warn_of_vanished(usable: list[Usable], spoiled: list[Quarantined]) -> None:
    """Warn of classes without usable pictures, and of pictures with conflicting labels."""
    left = {item.found.label for item in usable}
    gone = Counter(item.label for item in spoiled if item.label and item.label not in left)
    for label, count in sorted(gone.items()):
        first = next(item for item in spoiled if item.label == label)
        log.warning(
            "'%s' is no class: none of its %d files is usable (%s: %s)",
            *(quoted(label), count, quoted(first.path), first.reason),
        )
    conflicts = [item for item in spoiled if item.reason == "conflicting labels"]
    if conflicts:
        log.warning(
            "%d pictures are left out, because their pixels occur under several labels (%s: %s); "
            "quarantine.csv lists them",
            *(len(conflicts), quoted(conflicts[0].path), quoted(conflicts[0].detail)),
        )


def _warn_of_range(usable: list[Usable], params: SortParams) -> None:
    """Warn of 16-bit grey pictures that are nearly black, because they use only a few bits."""
    peaks = [item.facts.peak for item in usable if item.facts.peak is not None]
    if peaks and params.white is None and (peak := max(peaks)) < _DEEP // 16:
        white = 2 ** peak.bit_length() - 1
        log.warning(
            "%d pictures of 16 bits only use values up to %d and become nearly black: "
            "'sort.white: %d' in params.yaml makes that value white",
            *(len(peaks), peak, white),
        )


def _leave_small_classes_out(
    usable: list[Usable], target: Path, least: int
) -> tuple[list[Usable], list[Quarantined]]:
    counts = Counter(item.found.label for item in usable)
    small = {label for label, count in counts.items() if count < least}
    kept = [item for item in usable if item.found.label not in small]
    detail = f"its class has fewer pictures than 'sort.min_pictures' {least}"
    gone = [item for item in usable if item.found.label in small]
    for item in gone:
        (target / item.path).unlink()
    return kept, [Quarantined(item.found.path, UNCOUNTED, detail) for item in gone]


def _need_two_classes(
    usable: list[Usable], others: list[Quarantined], params: SortParams, where: Path
) -> None:
    labels = sorted({item.found.label for item in usable})
    if len(labels) >= 2:
        return
    left = f"only the class '{quoted(labels[0])}' has" if labels else "no class has any"
    small = f" of at least 'sort.min_pictures' {params.min_pictures}" * (params.min_pictures > 1)
    hint = hint_at_others(others)
    lower = ", or lower 'sort.min_pictures'" * bool(small)
    raise BakeoffError(
        f"{where}: {left} usable pictures{small}; two classes are "
        f"needed: add pictures of another{lower}{hint}"
    )


def _manifest(usable: list[Usable], prefix: str) -> pd.DataFrame:
    usable = sorted(usable, key=lambda item: item.path)
    # Column by column: 100 000 dicts, or all columns as lists of Python objects at once, would take
    # more memory than everything else.
    own = {"path": pd.Series([f"{prefix}/{item.path}" for item in usable])}
    names = {"label": "label", "group": "group", "source": "path", "official": "official"}
    named = {c: pd.Series([getattr(u.found, name) for u in usable]) for c, name in names.items()}
    facts = ("image_id", "width", "height", "mode", "bytes", "sha256", "phash", "brightness")
    seen = {c: pd.Series([getattr(item.facts, c) for item in usable]) for c in facts}
    return pd.DataFrame({**own, **named, **seen}, columns=[*MANIFEST_COLUMNS, "brightness"])
