"""Four ways to disturb a running stage. Each says what it did, or "" where it came too late."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.laboratory import Laboratory, lock_of, repro, signalled

# What the system says, and what SQLite says.
_FULL = ("No space left on device", "disk is full")


class CannotInjureError(Exception):
    """This machine does not allow the fault; the reason is the message."""


def killed(laboratory: Laboratory, stage: str, folder: Path, chance: random.Random) -> str:
    """SIGKILL to DVC and the stage at a random moment."""
    return _struck(laboratory, stage, folder, chance, signal.SIGKILL)


def interrupted(laboratory: Laboratory, stage: str, folder: Path, chance: random.Random) -> str:
    """Ctrl-C: the terminal sends SIGINT to everything in the foreground."""
    return _struck(laboratory, stage, folder, chance, signal.SIGINT)


def _struck(
    laboratory: Laboratory,
    stage: str,
    folder: Path,
    chance: random.Random,
    number: signal.Signals,
) -> str:
    """At a random moment of the stage's time, or shortly after it has begun to write."""
    root = laboratory.copy_before(stage, folder)
    while_writing = chance.random() < 0.5
    moment = chance.uniform(0, laboratory.seconds[stage])
    delay = chance.uniform(0, 0.2)
    process = repro(root, stage)
    began = time.monotonic()
    if while_writing:
        outs, kept = _outs(laboratory, root, stage), root / "mlruns/resume"

        def begun() -> bool:  # a training on pictures keeps its last epoch in `kept`
            return kept.exists() or any(any(p.parent.glob(f".{p.name}.*.partial")) for p in outs)

        while process.poll() is None and not begun():
            time.sleep(0.002)
        time.sleep(delay)
    else:
        while process.poll() is None and time.monotonic() - began < moment:
            time.sleep(0.01)
    if process.poll() is not None:
        process.communicate()
        return ""
    after = time.monotonic() - began
    said = signalled(process, number)
    # DVC itself ends with status 0 where the signal met it between two of its steps.
    if number == signal.SIGKILL:
        assert process.returncode == -number, said
    return f"after {after:.1f} s{', while writing' if while_writing else ''}"


def disk_full(laboratory: Laboratory, stage: str, folder: Path, chance: random.Random) -> str:
    """The repository lies on a disk with room for a random share of what the stage writes."""
    disk = folder / "disk"
    with small_disk(disk):
        root = laboratory.copy_before(stage, disk / "repository")
        written = sum(_bytes(laboratory.reference / out) for out in _names(laboratory, stage))
        room = int(chance.uniform(0, 1) * (2 * written + 20_000))  # DVC keeps a copy
        _remount(disk, shutil.disk_usage(disk).used + room)
        # DVC's index of the whole machine would be the first to want room.
        process = repro(root, stage, DVC_SITE_CACHE_DIR=str(folder / "site"))
        said = process.communicate()[0]
        _remount(disk, 1 << 30)
        if process.returncode == 0:
            return ""
        lost = _lost_lock(root / ".dvc/tmp/rwlock")
        assert lost or any(words in said for words in _FULL), said
        _follow_up(laboratory, root, stage)
        return f"with {room / 1000:.0f} kB left{', DVC lost its own lock' * lost}"


def _lost_lock(path: Path) -> bool:
    """Whether DVC, which writes this file in place, lost it; then do as `bakeoff doctor` says."""
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except ValueError:
        path.unlink()
        return True
    return False


def read_only(laboratory: Laboratory, stage: str, folder: Path, _: random.Random) -> str:
    """The folder that the stage writes into may not be changed."""
    root = laboratory.copy_before(stage, folder)
    parents = sorted({path.parent for path in _outs(laboratory, root, stage)})
    for parent in parents:
        parent.mkdir(parents=True, exist_ok=True)
    try:
        for parent in parents:
            forbid(parent)
        process = repro(root, stage)
        said = process.communicate()[0]
    finally:
        for parent in parents:
            permit(parent)
    assert process.returncode != 0, said
    assert "Operation not permitted" in said or "Permission denied" in said, said
    assert "Traceback" not in said, said
    return f"{', '.join(p.relative_to(root).as_posix() for p in parents)} read-only"


FAULTS = {
    "killed": killed,
    "interrupted": interrupted,
    "disk full": disk_full,
    "read-only": read_only,
}


def _follow_up(laboratory: Laboratory, root: Path, stage: str) -> None:
    """What is left is whole, and running again gives what an undisturbed run gives."""
    laboratory.check_nothing_half(root, stage)
    process = repro(root, stage)
    said = process.communicate()[0]
    assert process.returncode == 0, said
    laboratory.check_recovered(root, stage)


def survive(fault: str, laboratory: Laboratory, stage: str, folder: Path, seed: int) -> str:
    """Put one fault into one stage and see it recover; returns what was done.

    Raises:
        AssertionError: something half-written was kept, or the result is another.
        CannotInjureError: this machine does not allow the fault.
    """
    chance = random.Random(f"{seed} {fault} {stage}")
    for attempt in range(6):
        here = folder / str(attempt)
        here.mkdir(parents=True)
        try:
            done = FAULTS[fault](laboratory, stage, here, chance)
            if done:
                if fault != "disk full":  # which has to do it while its disk is there
                    _follow_up(laboratory, here, stage)
                return done
        finally:
            shutil.rmtree(here)
    raise AssertionError(f"{fault} never reached {stage} in time")


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system in memory, mounted at the new `folder`."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1g", "bakeoff-faults", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        raise CannotInjureError("only root may mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _remount(folder: Path, room: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={room}", str(folder)], check=True)


def forbid(folder: Path) -> None:
    """Permission bits do not bind root, an immutable folder does."""
    if os.geteuid():
        folder.chmod(0o555)
    elif subprocess.run(["chattr", "+i", str(folder)], check=False).returncode:
        raise CannotInjureError("root writes everywhere, and there are no immutable folders here")


def permit(folder: Path) -> None:
    """Undo `forbid`."""
    if os.geteuid():
        folder.chmod(0o755)
    else:
        with suppress(OSError):
            subprocess.run(["chattr", "-i", str(folder)], check=False)


def _names(laboratory: Laboratory, stage: str) -> list[str]:
    return [out["path"] for out in lock_of(laboratory.reference)[stage]["outs"]]


def _outs(laboratory: Laboratory, root: Path, stage: str) -> list[Path]:
    return [root / name for name in _names(laboratory, stage)]


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
