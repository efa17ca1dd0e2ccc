"""Look at a place, choose a reading, and write it into the repository."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bakeoff.adopt.folder_readings import CONTAINERS
from bakeoff.adopt.listing import look
from bakeoff.adopt.official_sides import side_named
from bakeoff.adopt.proposal import Proposal, propose, refuse_small, with_samples
from bakeoff.adopt.samples import Samples
from bakeoff.adopt.telling import other_readings
from bakeoff.adopt.tried_reading import TriedReading
from bakeoff.adopt.yaml_text import description, with_values
from bakeoff.ingest.sources import DOWNLOADS
from bakeoff.params.block import PARAMS, read_key
from bakeoff.params.dataset_files import DATASETS, dataset_path, read_dataset
from bakeoff.runtime.addresses import file_name, without_credentials
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import sha256_of_file, write_text
from bakeoff.runtime.object_stores import STORES, is_object

_ENDINGS = re.compile(
    r"(?i)(\.(zip|tar|tgz|gz|bz2|xz|csv|tsv|txt|jsonl|ndjson|json|npz|npy|h5|hdf5))+$"
)


@dataclass(frozen=True)
class Adoption:
    """What will be written."""

    name: str  # of the data set
    path: Path  # of its file
    text: str  # of that file
    values: dict[str, Any]  # of `params.yaml`, by dotted key


def looked_at(place: str | Path) -> Proposal:
    """The ways to read a place; what is at an address is fetched, nothing else is written.

    Raises:
        BakeoffError: there is none, or this is no repository.
    """
    if not PARAMS.is_file():
        raise BakeoffError(f"{PARAMS}: no such file; run this in the repository's root")
    if "://" not in str(place):
        return propose(look(Path(place).expanduser()))
    return propose(replace(look(_fetched(str(place))), url=str(place)))


def _fetched(url: str) -> Path:
    """The file behind an address, in `data/external/`."""
    if not (url.startswith(("http://", "https://")) or is_object(url)):
        raise BakeoffError(
            f"{url}: only http, https, {', '.join(STORES)} are read; fetch it and name its path"
        )
    try:
        target = DOWNLOADS / (file_name(without_credentials(url)) or "archive")
    except ValueError as error:
        raise BakeoffError(str(error)) from None
    if not target.exists():
        from bakeoff.runtime.downloads import download

        download(url, target, sha256=None, max_gigabytes=20, where=DATASETS)
    return target


def chosen(proposal: Proposal, number: int | None) -> tuple[TriedReading, Samples]:
    """The reading of that number, from 1, or the sure one.

    Raises:
        BakeoffError: the readings are ambiguous, or the chosen one cannot be run.
    """
    place, trials = proposal.listing.archive, proposal.trials
    if number is None and not proposal.sure:
        raise BakeoffError(
            f"{place}: ambiguous; say which is meant with --reading: "
            + "; ".join(other_readings(trials))
        )
    if number is not None and not 1 <= number <= len(trials):
        raise BakeoffError(f"--reading is {number}, give one of the readings 1 to {len(trials)}")
    trial = trials[(number or 1) - 1]
    if trial.refusal:
        raise BakeoffError(trial.refusal)
    if "sort.min_pictures" not in trial.reading.params:
        refuse_small(trial, place)
    return with_samples(trial, proposal.listing)


def adoption(trial: TriedReading, proposal: Proposal, name: str | None) -> Adoption:
    """The data set's file and the changes of `params.yaml`.

    Without a name it is that of the place; a number is added if another data set has it.

    Raises:
        BakeoffError: the name is taken by another data set.
    """
    listing = proposal.listing
    alone = listing.named and trial.reading.unpacked  # a table of pixels needs nothing beside it
    archive = _as_written(listing.archive / listing.named if alone else listing.archive)
    header = f"Written by `bakeoff adopt {archive}`; docs/data.md explains every key."
    reading = trial.reading
    if listing.url:
        note = "of the file as it was fetched; publishers state it, too"
        reading = reading.with_key("url", listing.url)
        reading = reading.with_key("sha256", sha256_of_file(listing.archive), note)
    text = description(reading, archive, header=header)
    base = _name_of(listing.archive / listing.named)
    own = name or base
    number = 1
    while dataset_path(own).exists() and dataset_path(own).read_text(encoding="utf-8") != text:
        if name:
            raise BakeoffError(
                f"{dataset_path(name)}: exists and says something else; give another --name"
            )
        number += 1
        own = f"{base}_{number}"
    return Adoption(own, dataset_path(own), text, {"dataset": own} | _changes(trial))


def _changes(trial: TriedReading) -> dict[str, Any]:
    """The values that `params.yaml` does not meet yet."""
    needs = {"sort.min_side": min, "sort.min_pictures": max, "sort.max_quarantined": max}
    return {
        key: value
        for key, value in trial.reading.params.items()
        if needs[key](read_key(key), value) != read_key(key)
    }


def write(adopted: Adoption) -> None:
    """Write both files, or neither; BakeoffError if `params.yaml` lacks a key."""
    params = with_values(PARAMS.read_text(encoding="utf-8"), adopted.values, PARAMS)
    existed = adopted.path.exists()
    write_text(adopted.path, adopted.text)
    try:
        read_dataset(adopted.path)
        write_text(PARAMS, params)
    except (BakeoffError, OSError):
        if not existed:
            adopted.path.unlink()
        raise


def _as_written(archive: Path) -> str:
    """Within the repository relative, below the home folder with `~`, else absolute."""
    whole = archive.resolve()
    if whole.is_relative_to(Path.cwd()):
        return whole.relative_to(Path.cwd()).as_posix()
    if whole.is_relative_to(Path.home()):
        return f"~/{whole.relative_to(Path.home()).as_posix()}"
    return whole.as_posix()


def _name_of(place: Path) -> str:
    whole = place.resolve()
    stems = [_ENDINGS.sub("", part.name) for part in (whole, *whole.parents)]
    telling = [stem for stem in stems if stem.lower() not in CONTAINERS and not side_named(stem)]
    plain = re.sub(r"[^\w.-]+", "_", telling[0]).strip("_.-")[:60].lower()
    return plain or "pictures"
