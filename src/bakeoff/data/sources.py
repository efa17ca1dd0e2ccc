"""Bringing a data set's files into one folder, whatever they come from."""

import csv
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bakeoff.addresses import file_name
from bakeoff.data.archives import LeftOut, Limits, extract
from bakeoff.data.arrays import HDF5_SUFFIXES, NPZ_SUFFIXES, unpack_arrays, write_digits
from bakeoff.errors import BakeoffError
from bakeoff.layout import repository_root
from bakeoff.params.datasets import Archived, Arrays, Dataset, Digits, Phantom

log = logging.getLogger(__name__)

# Hidden, so that it can be no member: hidden members are junk and never written.
LEFT_OUT = ".left_out.csv"
DOWNLOADS = Path("data/external")


@dataclass(frozen=True)
class Brought:
    """What came in.

    Attributes:
        files: number of files written.
        left_out: members that were not, with the reason.
    """

    files: int
    left_out: list[LeftOut]


def bring(dataset: Dataset, where: Path, target: Path) -> Brought:
    """Write the data set's files under `target`, and the list of what was left out.

    Args:
        dataset: its description.
        where: the file of that description, for the messages.
        target: an existing, empty folder; on failure the caller removes it.

    Raises:
        BakeoffError: nothing is there, or it is damaged, hostile or empty.
    """
    brought = _bring(dataset, where, target)
    if not brought.files:
        raise BakeoffError(
            f"{where}: the archive holds no file to bring in ({len(brought.left_out)} members "
            f"left out); check 'archive' and 'keep'"
        )
    write_left_out(target / LEFT_OUT, brought.left_out)
    if brought.left_out:
        log.info("%d members left out, listed in quarantine.csv", len(brought.left_out))
    return brought


def _bring(dataset: Dataset, where: Path, target: Path) -> Brought:
    if isinstance(dataset, Digits):
        return Brought(write_digits(target, dataset.scale), [])
    if isinstance(dataset, Phantom):
        return _bring_phantom(dataset, where, target)
    if not isinstance(dataset, Archived):
        raise TypeError(f"no way to bring {type(dataset).__name__}")
    archive = locate(dataset, where, target)
    if isinstance(dataset, Arrays):
        return _bring_arrays(dataset, archive, where, target)
    return _extract(dataset, archive, where, target)


def _bring_phantom(dataset: Phantom, where: Path, target: Path) -> Brought:
    from bakeoff.phantom import PhantomSpec, write_archive

    spec = PhantomSpec(
        seed=dataset.seed,
        pictures=dataset.pictures,
        min_side=dataset.min_side,
        max_side=dataset.max_side,
        filth=dataset.filth,
    )
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "phantom.zip"
        write_archive(archive, spec)
        written, left_out = extract(
            archive, target, keep=dataset.keep, limits=Limits(), where=where
        )
    return Brought(len(written), left_out)


def _extract(dataset: Archived, archive: Path, where: Path, target: Path) -> Brought:
    limits = Limits(dataset.max_gigabytes, dataset.max_ratio, dataset.max_files)
    written, left_out = extract(archive, target, keep=dataset.keep, limits=limits, where=where)
    return Brought(len(written), left_out)


def _bring_arrays(dataset: Arrays, archive: Path, where: Path, target: Path) -> Brought:
    """Unpack array files, themselves or those in an archive or folder."""
    suffixes = HDF5_SUFFIXES if dataset.kind == "hdf5" else NPZ_SUFFIXES
    if archive.is_file() and archive.suffix.lower() in HDF5_SUFFIXES + NPZ_SUFFIXES:
        if archive.suffix.lower() not in suffixes:
            raise BakeoffError(f"{where}: 'kind' is '{dataset.kind}', but 'archive' is {archive}")
        return Brought(_unpack(dataset, archive, where, target), [])
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        unpacked = Path(folder)
        brought = _extract(dataset, archive, where, unpacked)
        files = sorted(p for p in unpacked.rglob("*") if p.is_file())
        arrays = [p for p in files if p.suffix.lower() in suffixes]
        others = [
            LeftOut(p.relative_to(unpacked).as_posix(), "no array file")
            for p in files
            if p not in arrays
        ]
        count = sum(_unpack(dataset, file, where, target) for file in arrays)
    return Brought(count, sorted(brought.left_out + others, key=lambda m: m.path))


def _unpack(dataset: Arrays, file: Path, where: Path, target: Path) -> int:
    return unpack_arrays(
        file,
        target,
        images=dataset.images,
        labels=dataset.labels,
        max_gigabytes=dataset.max_gigabytes,
        where=where,
    )


def locate(dataset: Archived, where: Path, target: Path) -> Path:
    """The data set's archive on this machine, fetched if need be, its hash checked if given.

    Raises:
        BakeoffError: it is not there and cannot be fetched, or it is not the one named.
    """
    name = dataset.archive or str(DOWNLOADS / (file_name(str(dataset.url)) or "archive"))
    archive = repository_root() / Path(name).expanduser()
    if archive.exists():
        _check(dataset, archive, where, target)
        return archive
    if not dataset.url or not dataset.sha256:
        source = f" ({dataset.source} has it)" if dataset.source else ""
        raise BakeoffError(
            f"{where}: 'archive' is '{name}', and nothing is there; put the file there{source}, "
            f"or set 'archive' in {where} to where it is"
        )
    from bakeoff.data.downloads import download

    download(
        dataset.url,
        archive,
        sha256=dataset.sha256,
        max_gigabytes=dataset.max_gigabytes,
        where=where,
    )
    return archive


def _check(dataset: Archived, archive: Path, where: Path, target: Path) -> None:
    if archive.is_dir():
        if dataset.sha256:
            raise BakeoffError(
                f"{where}: 'archive' is a folder, which has no 'sha256'; remove that"
            )
        if target.resolve().is_relative_to(archive.resolve()):
            raise BakeoffError(f"{where}: 'archive' is a folder that holds this repository's data")
    elif dataset.sha256:
        from bakeoff.data.downloads import verify

        verify(archive, dataset.sha256, where)


def write_left_out(path: Path, left_out: list[LeftOut]) -> None:
    """Write what was not brought in, as CSV."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["path", "detail"])
        writer.writerows((item.path, item.detail) for item in left_out)


def read_left_out(path: Path) -> list[LeftOut]:
    """Read what `write_left_out` wrote; empty where there is no such file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [LeftOut(row["path"], row["detail"]) for row in csv.DictReader(stream)]
