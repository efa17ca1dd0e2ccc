"""Checks of what DVC keeps: its lock, its queue, its cache, outputs and outdated stages."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from bakeoff.doctor.finding import Finding
from bakeoff.params.yaml_files import read_yaml
from bakeoff.runtime.dvc import outdated_stages
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json
from bakeoff.runtime.plan import left_over


def killed_experiments() -> Iterator[Finding]:
    """Find experiments whose process was killed; `dvc exp run --run-all` waits for them."""
    for path in sorted(Path(".dvc/tmp/exps/run").glob("*/*.json")):
        try:
            task = read_json(path)
            left = task["returncode"] is None and not psutil.pid_exists(task["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if left:
            name = path.stem[:7]
            what = f"the experiment {name} was killed, and DVC takes it for running"
            yield Finding("queue", False, what, f"run `dvc queue kill --force {name}`")


def tampered_contents() -> Iterator[Finding]:
    """Hash outputs and DVC's cache; DVC believes sizes and times, and the names in its cache."""
    objects = sorted(Path(".dvc/cache/files/md5").glob("[0-9a-f][0-9a-f]/[0-9a-f]*"))
    for path in objects:
        if _md5(path) != f"{path.parent.name}{path.name}".removesuffix(".dir"):
            what = f"{path} does not have the content that its name states"
            yield Finding("cache", False, what, f"delete {path}")
    lock = read_yaml(Path("dvc.lock")) if Path("dvc.lock").is_file() else {}
    outs = [(s, out) for s, e in lock.get("stages", {}).items() for out in e.get("outs", [])]
    for stage, out in outs:
        path = Path(out["path"])
        if path.exists() and _md5_of_output(path) != out["md5"]:
            what = f"{path} is not what dvc.lock records"
            yield Finding("outputs", False, what, f"delete {path} and run `dvc repro '{stage}'`")
    yield Finding("contents", True, f"{len(objects)} objects and {len(outs)} outputs were hashed")


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def _md5_of_output(path: Path) -> str:
    """The hash that DVC records: of a folder, that of the JSON list of its files' hashes."""
    if path.is_file():
        return _md5(path)
    files = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
    listed = [{"md5": _md5(path / name), "relpath": name} for name in files]
    return hashlib.md5(json.dumps(listed).encode(), usedforsecurity=False).hexdigest() + ".dir"


def damaged_lock() -> Iterator[Finding]:
    """Check DVC's list of running commands, which a full disk can leave truncated."""
    path = Path(".dvc/tmp/rwlock")
    with suppress(FileNotFoundError):
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            what = f"{path} is damaged, as a full disk leaves it; every command of DVC fails"
            yield Finding("dvc", False, what, f"delete {path} while no `dvc` runs")


def left_over_folders() -> Iterator[Finding]:
    """Find what models leave that `params.yaml` no longer has."""
    if folders := left_over():
        named = ", ".join(path.as_posix() for path in folders)
        yield Finding("models", False, f"no stage writes {named}", "`bakeoff prune --gone`")


def stages() -> Iterator[Finding]:
    """The stages that `dvc status` reports as outdated."""
    topic = "stages"
    try:
        stale = outdated_stages()
    except BakeoffError as failure:
        yield Finding(topic, False, str(failure), "see `dvc status -v`")
        return
    if stale:
        yield Finding(topic, False, f"{len(stale)} out of date: {', '.join(stale)}", "`dvc repro`")
    else:
        yield Finding(topic, True, "all up to date")
