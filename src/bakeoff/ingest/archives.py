"""Unpacking what a stranger packed: zip, tar or folder, streamed, within stated limits.

Refused in one sentence: paths out of the folder, links, device files, encrypted members,
damage, and archives that unpack to more bytes or files than the data set's file allows. The
last of several members with one name wins, as in `tar` and `unzip`; the others are recorded.
"""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from bakeoff.ingest.containers import Member, damage_told, members
from bakeoff.ingest.member_names import UnsafeNameError, reason_to_leave_out, safe_path
from bakeoff.ingest.raw_files import Create, LeftOut
from bakeoff.runtime.errors import BakeoffError

_CHUNK = 1 << 20
# Below this an absurd ratio does no harm: a blank bitmap packs a thousandfold.
_RATIO_FLOOR = 64 << 20


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to.

    Attributes:
        gigabytes: total of the unpacked files, in 1e9 bytes.
        ratio: the same over the archive's own bytes; not asked of folders.
        files: number of members.
    """

    gigabytes: float = 20
    ratio: float = 200
    files: int = 1_000_000


class _Budget:
    """Counts what is unpacked and stops at the limits."""

    def __init__(self, archive: Path, limits: Limits, where: Path) -> None:
        self._archive, self._limits, self._where = archive, limits, where
        self._bytes = self._files = 0
        packed = None if archive.is_dir() else archive.stat().st_size
        self._by_ratio = None if packed is None else max(_RATIO_FLOOR, limits.ratio * packed)

    def another_file(self) -> None:
        self._files += 1
        if self._files > self._limits.files:
            self._refuse(f"holds more than {self._limits.files} files", "max_files")

    def spend(self, count: int) -> None:
        self._bytes += count
        if self._bytes > self._limits.gigabytes * 1e9:
            self._refuse(f"unpacks to more than {self._limits.gigabytes:g} GB", "max_gigabytes")
        if self._by_ratio is not None and self._bytes > self._by_ratio:
            times = f"unpacks to more than {self._limits.ratio:g} times its own bytes"
            self._refuse(times, "max_ratio")

    def _refuse(self, what: str, key: str) -> None:
        raise BakeoffError(
            f"{self._archive}: {what}; if it is what it should be, raise '{key}' in {self._where}"
        )


def extract(
    archive: Path, create: Create, *, keep: tuple[str, ...], limits: Limits, where: Path
) -> tuple[list[str], list[LeftOut]]:
    """Write the kept members of `archive`.

    Args:
        archive: a zip, a tar or a folder.
        create: opens each file to be written; on failure the caller removes them.
        keep: globs of the members' paths; others are left out.
        limits: what the archive may unpack to.
        where: the data set's file, for the messages.

    Returns:
        The relative POSIX paths written, sorted, and the members left out, sorted.

    Raises:
        BakeoffError: the archive is hostile, damaged, or over a limit.
    """
    budget = _Budget(archive, limits, where)
    written: set[str] = set()
    folders: set[str] = set()
    left_out: list[LeftOut] = []
    with damage_told(archive), tqdm(desc="unpacking", unit=" files", disable=None, delay=2) as bar:
        for member in members(archive):
            budget.another_file()
            bar.update()
            path = _checked_path(archive, member)
            if member.kind == "folder" or not path:
                continue
            if detail := reason_to_leave_out(path, keep):
                left_out.append(LeftOut(path, detail))
                continue
            _refuse_unwelcome(archive, member, where)
            if path in written:
                left_out.append(LeftOut(path, "replaced by a later member of the same name"))
            parents = {parent.as_posix() for parent in PurePosixPath(path).parents}
            if path in folders or not written.isdisjoint(parents):
                raise BakeoffError(
                    f"{archive}: '{member.name}' is both a file and a folder in it; repack it"
                )
            folders |= parents
            written.add(path)
            with create(path, member.size) as target, member.open() as source:
                while chunk := source.read(_CHUNK):
                    budget.spend(len(chunk))
                    target.write(chunk)
    return sorted(written), sorted(left_out, key=lambda m: (m.path, m.detail))


def _checked_path(archive: Path, member: Member) -> str:
    try:
        return safe_path(member.name)
    except UnsafeNameError as error:
        shown = ascii(member.name if len(member.name) <= 80 else member.name[:79] + "…")
        raise BakeoffError(
            f"{archive}: refused, for its member {shown} has {error}; repack it without that"
        ) from None


def _refuse_unwelcome(archive: Path, member: Member, where: Path) -> None:
    if member.kind == "encrypted":
        raise BakeoffError(f"{archive}: '{member.name}' is encrypted; repack it without a password")
    if member.kind != "file":
        raise BakeoffError(
            f"{archive}: refused, for '{member.name}' is {member.kind}; "
            f"repack it with plain files only, or leave that out with 'keep' in {where}"
        )
