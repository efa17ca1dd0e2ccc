"""`dvc repro` begins with the check, whatever is asked for; after a refusal nothing else runs."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tracked and new files of this working tree, as a Git and DVC repository."""
    root = tmp_path_factory.mktemp("first") / "bakeoff"
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    files = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


def dvc(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": path, "PYTHONPATH": str(root / "src"), "DVC_SITE_CACHE_DIR": str(root / "site")}
    return subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=root,
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
    )


def edited(root: Path, change: Callable[[Any], None]) -> None:
    yaml, path, stream = YAML(), root / "params.yaml", io.StringIO()
    tree = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    change(tree)
    yaml.dump(tree, stream)
    path.write_text(stream.getvalue(), encoding="utf-8")


def test_a_refusal_comes_before_anything_runs(clone: Path) -> None:
    def change(tree: Any) -> None:
        tree["seed"] = -1
        tree["models"]["x;touch y"] = {"backbone": "VGG16"}
        tree["models"]["$(touch z)"] = {"backbone": "VGG16"}
        tree["models"]["vgg16"] = {"backbone": "VGG61"}
        tree["dataset"] = "../mine"

    edited(clone, change)
    for target in ([], ["train@vgg16"]):
        done = dvc(clone, "repro", *target)
        assert done.returncode != 0
        told = [
            line for line in done.stderr.splitlines() if line.startswith("fingerprint: error: ")
        ]
        told = [line for line in told if not line.startswith("ERROR")]
        assert len(told) == 5, done.stderr
        assert all(line.startswith("fingerprint: error: params.yaml: ") for line in told)
        assert done.stdout.count("Running stage") == 1
    assert not (clone / "y").exists()
    assert not (clone / "z").exists()
    assert not (clone / "data/params").exists()


def test_a_name_is_quoted_where_the_check_is_passed_over(clone: Path) -> None:
    edited(clone, lambda tree: tree["models"].update({"x;touch y": {"backbone": "VGG16"}}))
    for needed in ("data/fingerprint/features.json", "data/params/x;touch y/features.json"):
        (clone / needed).parent.mkdir(parents=True, exist_ok=True)
        (clone / needed).write_text("{}")
    (clone / "data/processed").mkdir(parents=True)
    done = dvc(clone, "repro", "--single-item", "features@x;touch y")
    assert "features: error: data/params/x;touch y/features.json: the key" in done.stderr
    assert not (clone / "y").exists()


def test_a_short_entry_and_a_comment_cost_the_first_stage_alone(clone: Path) -> None:
    edited(clone, lambda tree: tree.update(models={"resnet": {"backbone": "ResNet50"}}))
    assert dvc(clone, "repro", "fingerprint").returncode == 0
    written = clone / "data/params/resnet/train.json"
    assert '"image_side": 224' in written.read_text()
    path = clone / "params.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "# a comment\n", encoding="utf-8")
    before = (clone / "dvc.lock").read_text()
    assert "Running stage 'fingerprint'" in dvc(clone, "repro", "fingerprint").stdout
    changed = set(before.splitlines()) ^ set((clone / "dvc.lock").read_text().splitlines())
    assert {line.split(":")[0].strip() for line in changed} <= {"md5", "size"}


def test_a_python_without_the_environment_gets_one_sentence(clone: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-S", "stages/fingerprint.py"],
        cwd=clone,
        env=bare,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "no module bakeoff; run `uv run dvc repro`" in line
