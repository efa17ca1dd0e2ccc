"""What lies at a place: the names of its files, and the content of its tables."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from bakeoff.ingest.archives import Limits, MemberRules, listed
from bakeoff.ingest.array_files import HDF5_SUFFIXES
from bakeoff.ingest.containers import is_archive
from bakeoff.ingest.member_names import is_junk
from bakeoff.ingest.text_tables import reads_excel
from bakeoff.pictures.decoding import SUFFIXES
from bakeoff.runtime.errors import BakeoffError

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".txt")
_PACKED = (".gz", ".bz2", ".xz")
_TABLE_BYTES = 400 << 20  # larger ones are not looked into
_ARRAYS = (".npz", ".npy", *HDF5_SUFFIXES)
_ARCHIVES = ("*.zip", "*.tar", "*.tgz", "*.tar.gz", "*.tar.bz2", "*.tar.xz")
_LIMITS = Limits()
_DESCRIPTION = Path("datasets")


@dataclass(frozen=True)
class Listing:
    """The files at a place; paths are relative, POSIX and sorted."""

    archive: Path  # the folder or file that `archive` will name
    pictures: tuple[str, ...] = ()  # files that are named as pictures
    # content of each file that is named as a table or text
    tables: dict[str, bytes] = field(default_factory=dict)
    arrays: tuple[str, ...] = ()  # files of numbers, for which `archive` is read by itself
    others: tuple[str, ...] = ()  # all other files, without those of the operating system
    inner: tuple[str, ...] = ()  # archives in the archive; their members are among the files
    links: bool = False  # whether the folder holds links, which have been followed
    named: str = ""  # the table, if one was named itself: the others of its folder are not listed
    url: str = ""  # that it was fetched from

    @property
    def paths(self) -> list[str]:
        """Every file, sorted."""
        return sorted((*self.pictures, *self.tables, *self.arrays, *self.others))


def look(place: Path) -> Listing:
    """List the files at `place`, and those of archives within it; nothing is written.

    The place is a folder, a zip, a tar, a table with its pictures beside it, or a file of arrays.

    Raises:
        BakeoffError: there is nothing, or it cannot be read.
    """
    if not place.exists():
        raise BakeoffError(f"{place}: no such file or folder; correct the path")
    if place.is_file() and is_array(place.name):
        return Listing(place, arrays=(place.name,))
    if place.is_file() and is_table(place.name):
        beside = look(place.parent)
        own = {name: text for name, text in beside.tables.items() if name == place.name}
        return replace(beside, tables=own, arrays=(), named=place.name)
    found = _list(place, follow_links=False)
    return found or _list(place, follow_links=True) or Listing(place)


def _list(place: Path, *, follow_links: bool) -> Listing | None:
    """The files at `place`; None if there are links and they are not followed."""
    rules = MemberRules(inner_archives=_ARCHIVES, follow_links=follow_links)
    names: list[str] = []
    tables: dict[str, bytes] = {}
    inner: set[str] = set()
    for path, member in listed(place, rules=rules, limits=_LIMITS, where=_DESCRIPTION):
        if is_junk(path):
            continue
        if member.kind == "a link" and place.is_dir():
            return None
        names.append(path)
        if is_table(path) and member.kind == "file" and member.size <= _TABLE_BYTES:
            with member.open() as stream:
                tables[path] = stream.read()
        parents = [p for p in PurePosixPath(path).parents if is_archive(p.name)]
        inner |= {p.as_posix() for p in parents if not (place / p).is_dir()}
    names = sorted(set(names))
    pictures = tuple(n for n in names if PurePosixPath(n).suffix.lower() in SUFFIXES)
    arrays = tuple(n for n in names if is_array(n))
    known = {*pictures, *arrays, *tables}
    others = tuple(n for n in names if n not in known)
    tables = {name: tables[name] for name in sorted(tables)}
    return Listing(place, pictures, tables, arrays, others, tuple(sorted(inner)), follow_links)


def read_members(listing: Listing, wanted: Collection[str]) -> dict[str, bytes]:
    """The bytes of some files of a listing."""
    rules = MemberRules(inner_archives=listing.inner, follow_links=listing.links)
    found: dict[str, bytes] = {}
    walk = listed(listing.archive, rules=rules, limits=_LIMITS, where=_DESCRIPTION)
    for path, member in walk if wanted else ():
        if path in wanted and member.kind == "file":
            with member.open() as stream:
                found[path] = stream.read()
    return found


def is_table(name: str) -> bool:
    """Whether a file is named as a table, perhaps a compressed one."""
    low = name.lower()
    if low.endswith(".xlsx"):
        return reads_excel()
    return any(low.endswith((kind, *(kind + packed for packed in _PACKED))) for kind in TABLES)


def is_array(name: str) -> bool:
    """Whether a file is named as one of arrays."""
    return name.lower().endswith((*_ARRAYS, "-ubyte", "-ubyte.gz"))
