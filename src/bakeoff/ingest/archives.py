"""Unpack untrusted archives (zip, tar or folder), streamed and within limits.

Refused with one sentence: paths out of the folder, links, device files, encrypted members, damage,
and archives that unpack to more bytes or files than the data set's file allows. Of several members
with one name the last wins, as in `tar` and `unzip`; the others are recorded.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from tqdm import tqdm

from bakeoff.ingest.containers import Member, damage_reported, members
from bakeoff.ingest.member_names import (
    IN_LEAVE_OUT,
    REPLACED,
    UnsafeNameError,
    is_junk,
    matches,
    reason_to_leave_out,
    safe_path,
)
from bakeoff.ingest.raw_files import Create, LeftOut
from bakeoff.runtime.errors import BakeoffError, quoted

_CHUNK = 1 << 20
# Below this size any ratio is harmless; a blank bitmap compresses a thousandfold.
_RATIO_FLOOR = 64 << 20


@dataclass(frozen=True)
class Limits:
    """Limits of unpacking."""

    gigabytes: float = 20  # total of the unpacked files, in 1e9 bytes
    ratio: float = 200  # the same over the archive's own bytes; not checked for folders
    files: int = 1_000_000  # number of members


class _Budget:
    """Counts unpacked bytes and files, and stops at the limits."""

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


@dataclass(frozen=True)
class MemberRules:
    """Which members of an archive are used; see `bakeoff.params.datasets`."""

    keep: tuple[str, ...] = ("*",)
    leave_out: tuple[str, ...] = ()
    inner_archives: tuple[str, ...] = ()
    follow_links: bool = False


def extract(
    archive: Path, create: Create, *, rules: MemberRules, limits: Limits, where: Path
) -> tuple[list[str], list[LeftOut]]:
    """Write the chosen members of `archive`.

    `create` opens each file to be written; on failure the caller removes them. Returns the relative
    POSIX paths written and the members left out, both sorted.

    Raises:
        BakeoffError: the archive is hostile, damaged, or over a limit, or a glob of the choice
            matches no member.
    """
    budget = _Budget(archive, limits, where)
    written: set[str] = set()
    folders: set[str] = set()
    left_out: list[LeftOut] = []
    idle = set(rules.leave_out + rules.inner_archives)
    with (
        damage_reported(archive),
        tqdm(desc="unpacking", unit=" files", disable=None, delay=2) as bar,
    ):
        for path, member in _walk(archive, "", rules, budget, idle):
            bar.update()
            if detail := reason_to_leave_out(path, rules.keep, rules.leave_out):
                left_out.append(LeftOut(path, detail))
                continue
            _refuse_unwelcome(archive, member, where)
            if path in written:
                left_out.append(LeftOut(path, REPLACED))
            parents = {parent.as_posix() for parent in PurePosixPath(path).parents}
            if path in folders or not written.isdisjoint(parents):
                raise BakeoffError(
                    f"{archive}: '{member.name}' is both a file and a folder in it; repack it"
                )
            folders |= parents
            written.add(path)
            with create(path, member.size) as target:
                _copy(member, target, budget)
    examples = sorted(written)[:1] + [item.path for item in left_out][:1]
    if idle:
        raise BakeoffError(
            f"{where}: '{min(idle)}' under 'leave_out' or 'inner_archives' fits no member of the "
            f"archive{_such_as(examples)}; correct it or remove it"
        )
    if not written:
        blamed = any(item.detail == IN_LEAVE_OUT for item in left_out)
        key, globs = ("leave_out", rules.leave_out) if blamed else ("keep", rules.keep)
        raise BakeoffError(
            f"{where}: no file to bring in, {len(left_out)} members left out; check 'archive' and "
            f"'{key}', which is {list(globs)}, against a member's path{_such_as(examples)}"
        )
    return sorted(written), sorted(left_out, key=lambda m: (m.path, m.detail))


def listed(
    archive: Path, *, rules: MemberRules, limits: Limits, where: Path
) -> Iterator[tuple[str, Member]]:
    """Each file that `extract` would come to, with its path, in the archive's order.

    A member's bytes must be read before the next one is asked for.

    Raises:
        BakeoffError: the archive is hostile, damaged, or over a limit.
    """
    with damage_reported(archive):
        yield from _walk(archive, "", rules, _Budget(archive, limits, where), set())


def _such_as(paths: list[str]) -> str:
    return f", such as '{quoted(paths[0])}'" if paths else ""


def _walk(
    archive: Path, folder: str, rules: MemberRules, budget: _Budget, idle: set[str]
) -> Iterator[tuple[str, Member]]:
    """The files of an archive, and of its inner archives that are to be unpacked."""
    for member in members(archive, follow_links=rules.follow_links):
        budget.another_file()
        path = _checked_path(archive, member)
        if member.kind == "folder" or not path:
            continue
        path = f"{folder}{path}"
        idle -= {glob for glob in idle if matches(path, [glob])}
        if not matches(path, rules.inner_archives) or is_junk(path):
            yield path, member
            continue
        with tempfile.TemporaryDirectory() as place:
            inner = Path(place) / PurePosixPath(path).name
            with inner.open("wb") as target:
                _copy(member, target, budget)
            with damage_reported(inner):
                yield from _walk(inner, f"{path}/", rules, budget, idle)


def _copy(member: Member, target: IO[bytes], budget: _Budget) -> None:
    with member.open() as source:
        while chunk := source.read(_CHUNK):
            budget.spend(len(chunk))
            target.write(chunk)


def _checked_path(archive: Path, member: Member) -> str:
    try:
        return safe_path(member.name)
    except UnsafeNameError as error:
        shown = ascii(quoted(member.name))
        raise BakeoffError(
            f"{archive}: refused, for its member {shown} has {error}; repack it without that"
        ) from None


def _refuse_unwelcome(archive: Path, member: Member, where: Path) -> None:
    if member.kind == "encrypted":
        raise BakeoffError(
            f"{archive}: '{quoted(member.name)}' is encrypted; repack it without a password"
        )
    if member.kind != "file":
        follow = "set 'follow_links: true' to read what it leads to, " if archive.is_dir() else ""
        raise BakeoffError(
            f"{archive}: refused, for '{quoted(member.name)}' is {member.kind}; {follow}repack it "
            f"with plain files only, or leave that out with 'leave_out' or 'keep' in {where}"
        )
