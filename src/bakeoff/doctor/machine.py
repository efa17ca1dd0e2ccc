"""Checks of this machine: packages, programs, the repository, the disk."""

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bakeoff.doctor.finding import Finding
from bakeoff.params.block import PARAMS
from bakeoff.runtime.git import GitError, git

_PACKAGES = ("tensorflow", "keras", "dvc", "mlflow", "scikit-learn", "pillow", "numpy")
_FREE_GIGABYTES = 5


def packages() -> Iterator[Finding]:
    """The versions of Python and of the main packages, or those that are missing."""
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    if missing:
        yield Finding(
            "environment", False, f"{', '.join(missing)} missing", "run `uv sync --inexact`"
        )
    else:
        yield Finding("environment", True, ", ".join([python, *found]))


def programs() -> Iterator[Finding]:
    """Programs that the pipeline calls, and whether this is the repository's root."""
    for name, remedy in {"git": "install git", "dvc": "run `uv sync --inexact`"}.items():
        beside = Path(sys.executable).with_name(name)
        fine = shutil.which(name) is not None or beside.exists()
        yield Finding(name, fine, "found" if fine else "not found", "" if fine else remedy)
    fine = Path(".dvc").is_dir() and PARAMS.is_file()
    yield Finding(
        "repository",
        fine,
        "this is its root" if fine else "no .dvc/ and params.yaml here",
        "" if fine else "run bakeoff in the repository's root",
    )


def missing_repository() -> Iterator[Finding]:
    """DVC works inside Git alone; a downloaded ZIP has none."""
    here = Path.cwd()
    if Path(".dvc").is_dir() and not any((p / ".git").exists() for p in (here, *here.parents)):
        what = "this copy is no Git repository, as after a download as ZIP; DVC refuses to run"
        yield Finding("git", False, what, "run `git init`")


def foreign_repository() -> Iterator[Finding]:
    """Git, and `dvc exp` with it, refuse a working copy that belongs to another user."""
    try:
        git("rev-parse", "--git-dir")
    except GitError as error:
        command = str(error).strip()
        if "safe.directory" in command:
            what = "this working copy belongs to another user; git and `dvc exp run` refuse it"
            yield Finding("git", False, what, f"work in a clone of your own, or run `{command}`")


def closed_folders() -> Iterator[Finding]:
    """Folders of the pipeline in which this user may not write, as in another's working copy."""
    folders = (".", ".dvc/tmp", ".dvc/cache", "data", "models", "reports", "mlruns")
    closed = [name for name in folders if Path(name).is_dir() and not os.access(name, os.W_OK)]
    if closed:
        what = f"you may not write to {', '.join(closed)}"
        yield Finding("folders", False, what, "work in a clone of your own, or become their owner")


def free_space() -> Iterator[Finding]:
    """Free space of the disk under the working folder."""
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    fine = free > _FREE_GIGABYTES
    remedy = "" if fine else "free some: `dvc gc --workspace`, `bakeoff prune --keep 1`"
    yield Finding("disk", fine, f"{free:.0f} GB free", remedy)
