"""The journal in DVC's remote: what was measured travels with the results that it describes.

DVC cannot track the journal, since its seconds differ from run to run. Its files are named by the
content that they describe, so two journals are merged by copying what the other lacks: there are
no conflicts, and what was measured here is never replaced. Seconds of stages stay on their machine.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.layout import mlruns

if TYPE_CHECKING:
    from dvc.data_cloud import Remote

_FOLDER = "bakeoff-journal"  # beside DVC's own `files` in the remote
_SHARED = re.compile(r"(features|fits|folds|latencies|runs)/[0-9a-f]{64}\.json")


def push_journal() -> int:
    """Copy what the remote lacks; returns the number of files.

    Raises:
        BakeoffError: there is no remote, or it cannot be written.
    """
    return len(list(_copied(up=True)))


def pull_journal() -> int:
    """Copy what is missing here; returns the number of files.

    Raises:
        BakeoffError: there is no remote, or it cannot be read.
    """
    return len(list(_copied(up=False)))


def _copied(*, up: bool) -> Iterator[str]:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            remote = repo.cloud.get_remote(command="push" if up else "pull")
            here, there = _here(), _there(remote)
            for name in sorted(here - there if up else there - here):
                path = mlruns() / "journal" / name
                address = remote.fs.join(remote.path, _FOLDER, *name.split("/"))
                if up:
                    remote.fs.makedirs(remote.fs.parent(address), exist_ok=True)
                    remote.fs.put_file(str(path), address)
                else:
                    _fetch(remote, address, path)
                yield name
    except (DvcException, OSError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BakeoffError(f"the journal: {reason}; `dvc remote list` shows the remotes") from None


def _here() -> set[str]:
    root = mlruns() / "journal"
    names = {path.relative_to(root).as_posix() for path in root.glob("*/*.json")}
    return {name for name in names if _SHARED.fullmatch(name)}


def _there(remote: "Remote") -> set[str]:
    root = remote.fs.join(remote.path, _FOLDER)
    if not remote.fs.exists(root):
        return set()
    names = {"/".join(remote.fs.parts(path)[-2:]) for path in remote.fs.find(root)}
    return {name for name in names if _SHARED.fullmatch(name)}


def _fetch(remote: "Remote", address: str, path: Path) -> None:
    """Download to a name that no reader takes, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    remote.fs.get_file(address, str(partial))
    partial.replace(path)
