"""What stays equal when something around the pipeline is another: `docs/reproducibility.md`.

Run as a script, with the names of rows (default: all). A tiny pipeline is run undisturbed, then
once for each row; what its stages wrote is compared by hash, and scores by their difference.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.laboratory import (
    DATA_STAGES,
    STAGES,
    Laboratory,
    finished,
    lock_of,
    outs_of,
    repro,
    signalled,
    start,
)

SHUFFLED = Path(__file__).parent / "shuffled_listings"
KINDS = {
    "data": (*DATA_STAGES, "tfrecord"),
    "features": ("features@tiny", "features@scratch"),
    "classical models": ("logistic@tiny", "logistic@scratch", "random_forest@random_forest"),
    "networks": ("train@tiny", "train@scratch"),
    "evidence": ("evaluate",),
}


def shuffled(root: Path) -> None:
    """Every folder is listed in a random order."""
    search = os.pathsep.join([str(SHUFFLED), str(root / "src")])
    finished(repro(root, PYTHONPATH=search, BAKEOFF_SHUFFLE="20"))


def killed(root: Path) -> None:
    """Killed six times at random moments, and each time begun again."""
    chance = random.Random(20)
    done = 0
    for _ in range(6):
        process = repro(root)
        began, moment = time.monotonic(), chance.uniform(5, 60)
        while process.poll() is None and time.monotonic() - began < moment:
            time.sleep(0.05)
        done += process.poll() is None
        signalled(process, signal.SIGKILL)
    print(f"killed {done} times", end=" ", flush=True)
    finished(repro(root))


def read_only_elsewhere(root: Path) -> None:
    """Nothing but the clone can be written: not /tmp, not the home folder."""
    bound = f'mount --bind "{root}" "{root}" && mount -o remount,bind,ro / && cd "{root}"'
    command = f"mount --make-rprivate / && {bound} && dvc repro --no-run-cache"
    finished(start(root, "unshare", "--mount", "sh", "-c", command))


def one_thread(root: Path) -> None:
    """One thread in TensorFlow, OpenMP and the pool of workers."""
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    finished(repro(root, BAKEOFF_WORKERS="1", **dict.fromkeys(names, "1")))


def older_processor(root: Path) -> None:
    """oneDNN computes as on a processor without AVX-512."""
    finished(repro(root, ONEDNN_MAX_CPU_ISA="AVX2"))


ROWS: dict[str, Callable[[Path], None]] = {
    "shuffled": shuffled,
    "killed": killed,
    "read-only": read_only_elsewhere,
    "one-thread": one_thread,
    "avx2": older_processor,
}


def compare(reference: Path, root: Path) -> str:
    """How many outputs of each kind are equal, and by how much the scores differ."""
    expected, found = lock_of(reference), lock_of(root)
    said = []
    for kind, stages in KINDS.items():
        outs = {k: v for stage in stages for k, v in outs_of(expected[stage]).items()}
        same = {k: v for stage in stages for k, v in outs_of(found[stage]).items()}
        said.append(f"{kind} {sum(same[k] == v for k, v in outs.items())}/{len(outs)}")
    one, two = (json.loads((r / "reports/metrics.json").read_text()) for r in (reference, root))
    for score in ("accuracy", "log_loss"):
        apart = max(abs(one[model][score] - two[model][score]) for model in one)
        said.append(f"{score} at most {apart:.2g} apart")
    return ", ".join(said)


def travelled(laboratory: Laboratory, folder: Path) -> str:
    """Pushed to a remote, cloned to another path, pulled: nothing runs, and MLflow is rebuilt."""
    origin, remote, other = folder / "origin", folder / "remote", folder / "another path"
    shutil.copytree(laboratory.reference, origin, ignore=shutil.ignore_patterns("mlruns"))
    path = origin / ".dvc/config"
    path.write_text(path.read_text() + f"    remote = r\n['remote \"r\"']\n    url = {remote}\n")
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org")
    for command in (("add", "-A"), ("commit", "-qm", "all")):
        subprocess.run([*git, *command], cwd=origin, check=True)
    finished(start(origin, "dvc", "push", "-q"))
    subprocess.run(["git", "clone", "-q", str(origin), str(other)], check=True)
    finished(start(other, "dvc", "pull", "-q"))
    again = finished(start(other, "dvc", "repro"))
    assert "Running stage" not in again, again
    told = finished(start(other, "bakeoff", "sync"))
    return f"`dvc repro` ran nothing; `bakeoff sync`: {told.splitlines()[0]}"


def main() -> None:
    """Run the rows asked for and print what is equal."""
    asked = sys.argv[1:] or [*ROWS, "travelled"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        laboratory = Laboratory.build(Path(os.environ.get("BAKEOFF_REFERENCE", name)))
        for row in asked:
            if row == "travelled":
                said = travelled(laboratory, folder)
            else:
                root = laboratory.copy_before(STAGES[0], folder / row)
                ROWS[row](root)
                said = compare(laboratory.reference, root)
            print(f"{row:<12} {said}", flush=True)


if __name__ == "__main__":
    main()
