"""Copy a data set's files from any source to data/raw."""

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from bakeoff.ingest.archives import Limits, MemberRules, extract
from bakeoff.ingest.array_files import is_numbers
from bakeoff.ingest.arrays import unpack_arrays, write_digits
from bakeoff.ingest.containers import is_archive
from bakeoff.ingest.pixel_tables import unpack_pixels
from bakeoff.ingest.raw_files import (
    LEFT_OUT,
    Create,
    LeftOut,
    reading_raw_files,
    write_left_out,
    writing_raw_files,
)
from bakeoff.ingest.unused_members import tell_of_left_out
from bakeoff.params.datasets import Archived, Arrays, Dataset, Digits, Phantom, Pixels
from bakeoff.runtime.addresses import file_name
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.layout import repository_root

DOWNLOADS = Path("data/external")


@dataclass(frozen=True)
class Brought:
    """Result of the copying."""

    files: int  # number of files written
    left_out: list[LeftOut]  # members that were left out, with the reason


def bring(dataset: Dataset, where: Path, target: Path) -> Brought:
    """Write the data set's files into `target`, and the list of members that were left out.

    The target is an empty folder; on failure the caller removes it.

    Raises:
        BakeoffError: the source is missing, damaged, hostile or empty.
    """
    with writing_raw_files(target) as create:
        brought = _bring(dataset, where, target, create)
    write_left_out(target / LEFT_OUT, brought.left_out)
    inner = _inner_archives(target) if isinstance(dataset, Archived) else []
    tell_of_left_out(brought.left_out, inner, where)
    return brought


def _inner_archives(target: Path) -> list[str]:
    with reading_raw_files(target) as files:
        return [name for name in files.names() if is_archive(name)]


def _bring(dataset: Dataset, where: Path, target: Path, create: Create) -> Brought:
    if isinstance(dataset, Digits):
        return Brought(write_digits(create, dataset.scale), [])
    if isinstance(dataset, Phantom):
        return _bring_phantom(dataset, where, create)
    if not isinstance(dataset, Archived):
        raise TypeError(f"no way to bring {type(dataset).__name__}")
    archive = locate(dataset, where, target)
    if isinstance(dataset, Arrays | Pixels):
        return _bring_numbers(dataset, archive, where, target, create)
    return _extract(dataset, archive, where, create)


def _bring_phantom(dataset: Phantom, where: Path, create: Create) -> Brought:
    from bakeoff.ingest.phantom import PhantomSpec, write_archive

    spec = PhantomSpec(
        seed=dataset.seed,
        pictures=dataset.pictures,
        min_side=dataset.min_side,
        max_side=dataset.max_side,
        flaws=dataset.flaws,
    )
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "phantom.zip"
        write_archive(archive, spec)
        rules = MemberRules(dataset.keep, dataset.leave_out)
        written, left_out = extract(archive, create, rules=rules, limits=Limits(), where=where)
    return Brought(len(written), left_out)


def _extract(dataset: Archived, archive: Path, where: Path, create: Create) -> Brought:
    limits = Limits(dataset.max_gigabytes, dataset.max_ratio, dataset.max_files)
    rules = MemberRules(
        dataset.keep, dataset.leave_out, dataset.inner_archives, dataset.follow_links
    )
    written, left_out = extract(archive, create, rules=rules, limits=limits, where=where)
    return Brought(len(written), left_out)


def _bring_numbers(
    dataset: Arrays | Pixels, archive: Path, where: Path, target: Path, create: Create
) -> Brought:
    """Unpack the pictures of files of numbers, or of those in an archive or folder."""
    if archive.is_file() and is_numbers(archive):
        return Brought(_unpack([archive], create, dataset, where)[0], [])
    with tempfile.TemporaryDirectory(dir=target.parent) as place:
        unpacked = Path(place)
        brought = _extract(dataset, archive, where, partial(_create_in, unpacked))
        files = sorted(p for p in unpacked.rglob("*") if p.is_file())
        try:
            count, others = _unpack(files, create, dataset, where)
        except BakeoffError as error:  # name the member, not its temporary path
            raise BakeoffError(str(error).replace(f"{unpacked}/", "")) from None
    unused = [LeftOut(p.relative_to(unpacked).as_posix(), "no array of the set") for p in others]
    return Brought(count, sorted(brought.left_out + unused, key=lambda m: m.path))


def _unpack(
    files: list[Path], create: Create, dataset: Arrays | Pixels, where: Path
) -> tuple[int, list[Path]]:
    if isinstance(dataset, Pixels):
        return unpack_pixels(files, create, dataset, where)
    return unpack_arrays(files, create, dataset, where)


def _create_in(folder: Path, name: str, size: int = 0) -> IO[bytes]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb")


def located(dataset: Archived) -> Path:
    """The place of the data set's archive, be it there or not."""
    name = dataset.archive
    if name is None or name == dataset.address:
        name = str(DOWNLOADS / (file_name(str(dataset.address)) or "archive"))
    return repository_root() / Path(name).expanduser()


def locate(dataset: Archived, where: Path, target: Path) -> Path:
    """The data set's archive on this machine, downloaded if needed; its hash is checked if given.

    Raises:
        BakeoffError: it is missing and cannot be downloaded, or its hash differs.
    """
    archive = located(dataset)
    if archive.exists():
        _check(dataset, archive, where, target)
        return archive
    if not dataset.address:
        source = f" ({dataset.source} has it)" if dataset.source else ""
        raise BakeoffError(
            f"{where}: 'archive' is '{dataset.archive}', and nothing is there; put the file "
            f"there{source}, or set 'archive' in {where} to its path"
        )
    from bakeoff.runtime.downloads import download

    download(
        dataset.address,
        archive,
        sha256=dataset.sha256,
        etag=dataset.etag,
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
            raise BakeoffError(
                f"{where}: 'archive' is a folder that holds this repository's data; move the "
                "pictures elsewhere and name that"
            )
    elif dataset.sha256:
        from bakeoff.runtime.downloads import verify

        verify(archive, dataset.sha256, where)
