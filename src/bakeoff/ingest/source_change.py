"""Whether a data set's source has changed since it was ingested.

The source lies outside the repository, so DVC does not watch it. The stage `ingest` notes path,
bytes and time of modification of each file in a file that no stage reads.
"""

from pathlib import Path

from bakeoff.ingest.containers import members
from bakeoff.ingest.sources import located
from bakeoff.params.datasets import Archived, Dataset
from bakeoff.runtime.files import read_json, write_json

NOTES = Path("data/sources")
COMMAND = "bakeoff renew"
"""Ingests a changed source again and reproduces what depends on it."""

Listing = dict[str, list[int]]
"""By path relative to the source: bytes, and time of modification in nanoseconds."""


def listing_of(dataset: Dataset) -> Listing | None:
    """The files of a source on this machine; None where there is none."""
    if not isinstance(dataset, Archived):
        return None
    source = located(dataset)
    if not source.exists():
        return None
    if source.is_file():
        return {"": _status(source)}
    names = [member.name for member in members(source, follow_links=dataset.follow_links)]
    return {name: _status(source / name) for name in sorted(names)}


def _status(path: Path) -> list[int]:
    status = path.stat() if path.exists() else path.lstat()
    return [status.st_size, status.st_mtime_ns]


def note_source(name: str, dataset: Dataset, files: Listing | None) -> None:
    """Keep the listing that was taken before the source was read."""
    if isinstance(dataset, Archived) and files is not None:
        write_json(NOTES / f"{name}.json", {"source": str(located(dataset)), "files": files})


def source_sentence(name: str, dataset: Dataset) -> str:
    """What to say of a source that differs from the one ingested; empty where none is known to."""
    if not isinstance(dataset, Archived):
        return ""
    try:
        note = read_json(NOTES / f"{name}.json")
        before, source = dict(note["files"]), str(note["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # never ingested here, or by `dvc pull`
    now = listing_of(dataset)
    if now is None or source != str(located(dataset)) or now == before:
        return ""
    added, removed = len(now.keys() - before.keys()), len(before.keys() - now.keys())
    changed = sum(now[path] != before[path] for path in now.keys() & before.keys())
    return (
        f"{source} has changed since it was ingested ({added} files added, {removed} removed, "
        f"{changed} changed); run `{COMMAND}` to ingest it again"
    )
