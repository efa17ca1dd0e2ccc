"""From a listing to the ways to read it, the likeliest first."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bakeoff.adopt.array_readings import array_readings
from bakeoff.adopt.file_names import name_readings
from bakeoff.adopt.folder_readings import folder_readings, individuals
from bakeoff.adopt.groups import likely_groups
from bakeoff.adopt.left_out import globs_for
from bakeoff.adopt.listing import Listing
from bakeoff.adopt.pixels import pixel_readings
from bakeoff.adopt.refusals import nothing_recognised, refuse_unread
from bakeoff.adopt.samples import Samples, look_at_some
from bakeoff.adopt.table_readings import table_readings, text_tables
from bakeoff.adopt.tried_reading import Reading, TriedReading, try_out
from bakeoff.params.data import SortParams
from bakeoff.runtime.errors import BakeoffError, quoted
from bakeoff.sort.labelled_file import TABLE

_OWN = "the archive's own sides"
LEAST = 3
"""Groups that a class needs, one for each side of the split."""


@dataclass(frozen=True)
class Proposal:
    """What can be adopted."""

    listing: Listing  # of the files
    trials: tuple[TriedReading, ...]  # the readings, the likeliest first
    sure: bool  # whether the first one can be taken without asking


def propose(listing: Listing) -> Proposal:
    """The ways to read a place.

    Raises:
        BakeoffError: there is none, and why.
    """
    refuse_unread(listing)
    trials, sure = _trials(listing)
    if not trials:
        raise nothing_recognised(listing)
    if unused := _unused(listing, trials):
        return propose(_packed_again(listing, unused))
    return Proposal(listing, tuple(_finished(trial, listing) for trial in trials), sure)


def _trials(listing: Listing) -> tuple[list[TriedReading], bool]:
    tables = text_tables(listing)
    by_table = _tried(table_readings(listing, tables), listing)
    by_folder = _tried(folder_readings(listing.pictures), listing)
    if by_table:
        return _with_tables(by_table, by_folder)
    if by_folder:
        return by_folder, len(by_folder) == 1
    if by_name := _tried(name_readings(listing.pictures), listing):
        return by_name, len(by_name) == 1
    numbers = _tried(array_readings(listing) or pixel_readings(tables), listing)
    return numbers, True


def _tried(readings: Sequence[Reading], listing: Listing) -> list[TriedReading]:
    """The readings that give at least two classes, without those that say the same."""
    found: list[TriedReading] = []
    refused: list[TriedReading] = []
    for reading in readings:
        trial = try_out(reading, listing)
        if trial.refusal:
            refused.append(trial)
        elif len(trial.counts) > 1 and not any(same_classes(trial, other) for other in found):
            found.append(trial)
    if refused and not found:
        raise BakeoffError(refused[0].refusal)
    return found


def same_classes(one: TriedReading, other: TriedReading) -> bool:
    """Whether two readings divide the pictures alike, whatever they call the classes."""
    common = one.labels.keys() & other.labels.keys()
    pairs = {(one.labels[path], other.labels[path]) for path in common}
    alike = len(pairs) == len({pair[0] for pair in pairs}) == len({pair[1] for pair in pairs})
    return alike and len(common) > 0.9 * max(len(one.labels), len(other.labels))


def _with_tables(
    by_table: list[TriedReading], by_folder: list[TriedReading]
) -> tuple[list[TriedReading], bool]:
    """A table wins where it says more than folders; where they contradict, both are readings."""
    first = by_table[0]
    alike = [trial for trial in by_folder if same_classes(trial, first)]
    more = {"group_column", "split_column"} & set(first.reading.keys)
    if alike and not more:
        return alike[:1], True
    others = [trial for trial in by_folder if not same_classes(trial, first)]
    others = [trial for trial in others if not _doubtful(trial, first)]
    return [*by_table, *others], len(by_table) + len(others) == 1 or bool(alike)


def _doubtful(folders: TriedReading, table: TriedReading) -> bool:
    """Whether folders are probably parts or patients rather than classes."""
    names = {*folders.counts}
    return individuals(names) or len(names) > len(table.usable) / LEAST


def _unused(listing: Listing, trials: Sequence[TriedReading]) -> list[str]:
    """Archives in the archive that no reading takes a picture or a table from."""
    used = {item.path for trial in trials for item in trial.usable}
    tables = {i.path for t in trials for i in t.found if i.detail == TABLE}
    return [
        inner
        for inner in listing.inner
        if not any(path.startswith(f"{inner}/") for path in used | tables)
    ]


def _packed_again(listing: Listing, unused: Sequence[str]) -> Listing:
    def stays(path: str) -> bool:
        return not any(path.startswith(f"{inner}/") for inner in unused)

    return replace(
        listing,
        pictures=tuple(filter(stays, listing.pictures)),
        tables={path: text for path, text in listing.tables.items() if stays(path)},
        arrays=tuple(filter(stays, listing.arrays)),
        others=tuple(sorted([*filter(stays, listing.others), *unused])),
        inner=tuple(inner for inner in listing.inner if inner not in unused),
    )


def _finished(trial: TriedReading, listing: Listing) -> TriedReading:
    """With groups, archives within, and what `params.yaml` needs."""
    reading = trial.reading
    if "group_column" not in reading.keys and (groups := likely_groups(trial.usable)):
        described = f"{groups.what}: {groups.described()}"
        reading = reading.with_key("group", groups.pattern, described)
    reading = _with_found_sides(reading, trial)
    strays = [glob for glob in globs_for(trial.strays, listing.pictures) if glob.endswith("/*")]
    if strays:
        globs = [*reading.keys.get("leave_out", ()), *strays]
        reading = reading.with_key("leave_out", globs, "folders without pictures of a class")
    if listing.named and not reading.unpacked:
        used = {*trial.labels, listing.named}
        rest = [path for path in listing.paths if path not in used]
        keep = globs_for(used, rest)
        reading = reading.with_key("keep", keep, "the table and its pictures") if keep else reading
    if listing.inner:
        reading = reading.with_key("inner_archives", list(listing.inner))
    if listing.links:
        reading = reading.with_key("follow_links", True)
    reading = replace(reading, params=reading.params | _needs(trial))
    return try_out(reading, listing)


def _with_found_sides(reading: Reading, trial: TriedReading) -> Reading:
    """Without the globs of sides that hold no labelled picture; one side alone is none."""
    if "official" not in reading.keys or "split_column" in reading.keys:
        return reading
    sides = {item.official for item in trial.usable}
    found = {side: glob for side, glob in reading.keys["official"].items() if side in sides}
    others = {key: value for key, value in reading.keys.items() if key != "official"}
    reading = replace(reading, keys=others)
    return reading.with_key("official", found, _OWN) if len(found) > 1 else reading


def _needs(trial: TriedReading) -> dict[str, float]:
    """Values of `params.yaml` without which the run would stop."""
    needs: dict[str, float] = {}
    small = [label for label, count in trial.counts.items() if count < LEAST]
    if small and len(trial.counts) - len(small) > 1:
        needs["sort.min_pictures"] = LEAST
    unknown = len(trial.unlabelled)
    share = unknown / max(1, unknown + len(trial.usable))
    if share > SortParams().max_quarantined:
        needs["sort.max_quarantined"] = min(1.0, math.ceil(share * 20 + 1) / 20)
    return needs


def small_classes(trial: TriedReading) -> dict[str, int]:
    """Classes with fewer groups than the split needs, and how many they have."""
    groups: dict[str, set[str]] = defaultdict(set)
    for item in trial.usable:
        groups[item.label].add(item.group or item.path)
    return {label: len(own) for label, own in sorted(groups.items()) if len(own) < LEAST}


def refuse_small(trial: TriedReading, place: object) -> None:
    """Refuse a reading in which fewer than two classes are large enough.

    Raises:
        BakeoffError: with the numbers.
    """
    small = small_classes(trial)
    if len(trial.counts) - len(small) < 2:
        raise BakeoffError(
            f"{place}: {len(small)} of {len(trial.counts)} classes have fewer than {LEAST} "
            f"pictures or groups, such as '{quoted(min(small))}' with {small[min(small)]}; add "
            "some: a class needs one for training, one for validation and one for the test"
        )


def with_samples(trial: TriedReading, listing: Listing) -> tuple[TriedReading, Samples]:
    """Look at some pictures, and take what their sizes need into `params.yaml`.

    Raises:
        BakeoffError: most of them cannot be read.
    """
    if trial.reading.unpacked:
        return trial, Samples({}, {}, ())
    samples = look_at_some(listing, trial.usable)
    if len(samples.unusable) > len(samples.sides):
        path, why = samples.unusable[0]
        raise BakeoffError(
            f"{listing.archive}: {len(samples.unusable)} of "
            f"{len(samples.unusable) + len(samples.sides)} pictures that were opened cannot be "
            f"used; replace them, such as '{quoted(path)}': {quoted(why, 200)}"
        )
    small = [size for size in samples.sides.values() if min(size) < SortParams().min_side]
    if len(small) > SortParams().max_quarantined * len(samples.sides):
        params = trial.reading.params | {"sort.min_side": samples.shortest}
        trial = replace(trial, reading=replace(trial.reading, params=params))
    return trial, samples
