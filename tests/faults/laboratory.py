"""A tiny pipeline, run once undisturbed, and copies of it as they stood before any stage."""

import copy
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bakeoff.runtime.dvc import CLOCKED
from bakeoff.runtime.files import read_json, sha256_of_file, sha256_of_folder, write_json
from tests.reduced import reduce
from tests.tiny_repository import empty_database

ROOT = Path(__file__).resolve().parents[2]
DATA_STAGES = ("fingerprint", "ingest", "sort", "split", "augment")
STAGES = (
    *DATA_STAGES,
    *("tfrecord", "census"),
    *("features@tiny", "features@scratch", "tune@tiny", "tune@scratch"),
    *("train@tiny", "train@scratch"),
    *("logistic@tiny", "logistic@scratch", "folds@tiny", "folds@scratch"),
    *("random_forest@random_forest", "random_forest@descriptor_forest"),
    *("forest_folds@random_forest", "forest_folds@descriptor_forest", "evaluate", "report"),
)


def shrink(root: Path) -> None:
    """One frozen backbone and one network from scratch, on sixty phantoms."""
    reduce(root, ("vgg16",))
    path = root / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    tiny = params["models"].pop("vgg16")
    tiny.update(weights="random", image_side=32, head={"hidden": [8]})
    scratch = copy.deepcopy(tiny)
    scratch.update(backbone="cnn", trainable="all", conv=[{"filters": [4]}, {"filters": [8]}])
    tiny["backbone"] = "MobileNetV3Small"
    params["models"] = {"tiny": tiny, "scratch": scratch}
    params["tfrecord"]["image_side"] = 48
    params["random_forest"]["trees"] = 20
    params["descriptor_forest"] = None
    params["folds"].update(count=3, repeats=1)
    params["evaluate"].update(bootstrap=100, gallery=2, grad_cam=0)
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    phantom = root / "datasets/phantom.yaml"
    described = yaml.safe_load(phantom.read_text(encoding="utf-8"))
    described.update(pictures=60, min_side=64, max_side=96)
    phantom.write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")


def start(root: Path, *command: str, **extra: str) -> subprocess.Popen[str]:
    """Start a command in a group of its own, with this environment's programs."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    (root / ".dvc/tmp/temporary").mkdir(parents=True, exist_ok=True)
    own = {
        "PATH": path,
        "PYTHONPATH": str(root / "src"),
        "TMPDIR": str(root / ".dvc/tmp/temporary"),
        "DVC_SITE_CACHE_DIR": str(root / ".dvc/tmp/site"),
    }
    return subprocess.Popen(
        command,
        cwd=root,
        env={**os.environ, **own, **extra},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def repro(root: Path, *stages: str, **extra: str) -> subprocess.Popen[str]:
    """Start `dvc repro` of everything, or of the named stages alone."""
    single = ("--single-item", *stages) if stages else ()
    return start(root, "dvc", "repro", "--no-run-cache", *single, **extra)


def finished(process: subprocess.Popen[str]) -> str:
    """Wait for a command that must succeed; returns what it said."""
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return said


def signalled(process: subprocess.Popen[str], number: signal.Signals) -> str:
    """Send a signal to a whole group and wait for its end; returns what it said."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass
    return process.communicate()[0]


def lock_of(root: Path) -> dict[str, Any]:
    """The stages in `dvc.lock`; none where it is missing."""
    path = root / "dvc.lock"
    stages: dict[str, Any] = {}
    if path.is_file():
        stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
    return stages


def outs_of(entry: dict[str, Any]) -> dict[str, str]:
    """The outputs of a stage's entry and their hashes, without those that report seconds."""
    return {out["path"]: out["md5"] for out in entry["outs"] if out["path"] not in CLOCKED}


@dataclass
class Laboratory:
    """The undisturbed run, and how long each of its stages took."""

    reference: Path
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def build(cls, folder: Path, stages: tuple[str, ...] = STAGES) -> "Laboratory":
        """Copy this working tree's files and run `stages`, one after another, undisturbed.

        What an earlier process has built in `folder` is taken as it is.
        """
        root, times = folder / "reference", folder / "seconds.json"
        empty_database()  # made before threads ask for it at once
        if times.is_file():
            return cls(root, read_json(times))
        listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, root / name)
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)
        shrink(root)
        (root / "dvc.lock").unlink(missing_ok=True)
        shutil.copyfile(empty_database(), root / "mlruns/mlflow.db")
        made = cls(root)
        for stage in stages:
            began = time.monotonic()
            finished(repro(root, stage))
            made.seconds[stage] = time.monotonic() - began
        write_json(times, made.seconds)
        return made

    def copy_before(self, stage: str, folder: Path) -> Path:
        """The repository at `folder`, as it stood before `stage` ran for the first time."""
        ignored = shutil.ignore_patterns("cache", "tmp", "mlflow.db", "artifacts", "resume")
        shutil.copytree(self.reference, folder, ignore=ignored, dirs_exist_ok=True)
        shutil.copyfile(empty_database(), folder / "mlruns/mlflow.db")
        stages = lock_of(folder)
        lock = {"schema": "2.0", "stages": stages}
        later = STAGES[STAGES.index(stage) :]
        for name in filter(stages.__contains__, later):
            for out in stages.pop(name)["outs"]:
                path = folder / out["path"]
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        (folder / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False), encoding="utf-8")
        return folder

    def check_nothing_half(self, root: Path, stage: str) -> None:
        """What a disturbed stage left under its outputs' names is whole, or not there."""
        for out in outs_of(lock_of(self.reference)[stage]):
            if (root / out).exists():
                assert content(root / out) == content(self.reference / out), f"{out} is half"

    def check_recovered(self, root: Path, stage: str) -> None:
        """The stage's entry in the lock is that of the undisturbed run; nothing lies about."""
        expected, found = lock_of(self.reference)[stage], lock_of(root)[stage]
        assert outs_of(found) == outs_of(expected), f"{outs_of(found)}, not {outs_of(expected)}"
        for out in outs_of(found):
            assert content(root / out) == content(self.reference / out), out
        folders = [root / name for name in ("data", "models", "reports")]
        left = [p for folder in folders for p in folder.rglob("*.partial*")]
        assert left == [], f"left: {left}"
        # What DVC was writing when the disk was full keeps a name that it takes for no object's.
        objects = (root / ".dvc/cache/files/md5").glob("*/[!.]*")
        for path in objects:
            said = f"{path.parent.name}{path.name}".removesuffix(".dir")
            assert hashlib.md5(path.read_bytes()).hexdigest() == said, f"{path} in DVC's cache"


def content(path: Path) -> str:
    """A hash of a file's or a folder's content, and nothing else."""
    return sha256_of_folder(path) if path.is_dir() else sha256_of_file(path)
