"""Bringing a data set's files into one place, whatever they come from."""

import logging
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from bakeoff.ingest.archives import Limits, extract
from bakeoff.ingest.arrays import HDF5_SUFFIXES, NPZ_SUFFIXES, unpack_arrays, write_digits
from bakeoff.ingest.raw_files import LEFT_OUT, Create, LeftOut, write_left_out, writing_raw_files
from bakeoff.params.datasets import Archived, Arrays, Dataset, Digits, Phantom
from bakeoff.runtime.addresses import file_name
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.layout import repository_root

log = logging.getLogger(__name__)

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
    """Write the data set's files into `target`, and the list of what was left out.

    Args:
        dataset: its description.
        where: the file of that description, for the messages.
        target: an existing, empty folder; on failure the caller removes it.

    Raises:
        BakeoffError: nothing is there, or it is damaged, hostile or empty.
    """
    with writing_raw_files(target) as create:
        brought = _bring(dataset, where, target, create)
    if not brought.files:
        raise BakeoffError(
            f"{where}: the archive holds no file to bring in ({len(brought.left_out)} members "
            f"left out); check 'archive' and 'keep'"
        )
    write_left_out(target / LEFT_OUT, brought.left_out)
    if brought.left_out:
        log.info("%d members left out, listed in quarantine.csv", len(brought.left_out))
    return brought


def _bring(dataset: Dataset, where: Path, target: Path, create: Create) -> Brought:
    if isinstance(dataset, Digits):
        return Brought(write_digits(create, dataset.scale), [])
    if isinstance(dataset, Phantom):
        return _bring_phantom(dataset, where, create)
    if not isinstance(dataset, Archived):
        raise TypeError(f"no way to bring {type(dataset).__name__}")
    archive = locate(dataset, where, target)
    if isinstance(dataset, Arrays):
        return _bring_arrays(dataset, archive, where, target, create)
    return _extract(dataset, archive, where, create)


def _bring_phantom(dataset: Phantom, where: Path, create: Create) -> Brought:
    from bakeoff.ingest.phantom import PhantomSpec, write_archive

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
            archive, create, keep=dataset.keep, limits=Limits(), where=where
        )
    return Brought(len(written), left_out)


def _extract(dataset: Archived, archive: Path, where: Path, create: Create) -> Brought:
    limits = Limits(dataset.max_gigabytes, dataset.max_ratio, dataset.max_files)
    written, left_out = extract(archive, create, keep=dataset.keep, limits=limits, where=where)
    return Brought(len(written), left_out)


def _bring_arrays(
    dataset: Arrays, archive: Path, where: Path, target: Path, create: Create
) -> Brought:
    """Unpack array files, themselves or those in an archive or folder."""
    suffixes = HDF5_SUFFIXES if dataset.kind == "hdf5" else NPZ_SUFFIXES
    if archive.is_file() and archive.suffix.lower() in HDF5_SUFFIXES + NPZ_SUFFIXES:
        if archive.suffix.lower() not in suffixes:
            raise BakeoffError(f"{where}: 'kind' is '{dataset.kind}', but 'archive' is {archive}")
        return Brought(_unpack(dataset, archive, where, create), [])
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        unpacked = Path(folder)
        brought = _extract(dataset, archive, where, partial(_create_in, unpacked))
        files = sorted(p for p in unpacked.rglob("*") if p.is_file())
        arrays = [p for p in files if p.suffix.lower() in suffixes]
        others = [
            LeftOut(p.relative_to(unpacked).as_posix(), "no array file")
            for p in files
            if p not in arrays
        ]
        count = sum(_unpack(dataset, file, where, create) for file in arrays)
    return Brought(count, sorted(brought.left_out + others, key=lambda m: m.path))


def _create_in(folder: Path, name: str, size: int = 0) -> IO[bytes]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb")


def _unpack(dataset: Arrays, file: Path, where: Path, create: Create) -> int:
    return unpack_arrays(
        file,
        create,
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
    from bakeoff.runtime.downloads import download

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
        from bakeoff.runtime.downloads import verify

        verify(archive, dataset.sha256, where)
