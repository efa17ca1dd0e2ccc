"""What is cached between runs, trials and checkpoints, is not used by other code: real stages."""

import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from bakeoff.features.frozen import write_features
from bakeoff.features.weights import Weights
from bakeoff.params.models import read_feature_params
from bakeoff.runtime.devices import prepare
from bakeoff.runtime.files import read_json, write_json
from bakeoff.runtime.fingerprints import fingerprint
from tests.tiny_records import write_tiny_records

ROOT = Path(__file__).parents[2]
NAME = "tiny"
ENTRY = {
    "backbone": "VGG16",
    "image_side": 32,
    "weights": "random",
    "head": {"hidden": [8]},
    "train": {"epochs": 1},
    "fine_tune": {"epochs": 20, "early_stopping": None, "unfreeze": 0.1, "batch": 24},
}


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository of its own sources, with records and features of one model, without MLflow."""
    for folder in ("src", "stages", "datasets"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["models"] = {NAME: ENTRY}
    params["tracking"]["enabled"] = False
    params["logistic"]["tune"]["trials"] = 2
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    index = write_tiny_records(Path("data/processed"))
    features = Path("data/features") / NAME
    features.mkdir(parents=True)
    prepare("single", 7)
    weights = Weights("random", "", "", "random", fallback=False, origin="")
    write_features(features, read_feature_params(NAME), weights, Path("data/processed"), index)
    write_json(Path("data/search") / NAME / "best.json", {})
    finished(stage(tmp_path, "fingerprint"))  # it writes the parameters that training reads
    return tmp_path


def stage(clone, name):
    model = [] if name == "fingerprint" else [NAME]
    return subprocess.Popen(
        [sys.executable, f"stages/{name}.py", *model],
        cwd=clone,
        env={"PATH": "/usr/bin:/bin", "HOME": str(clone), "PYTHONPATH": str(clone / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process):
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


def change(clone, path, comment="\n# changed\n"):
    with (clone / "src/bakeoff" / path).open("a") as stream:
        stream.write(comment)


@pytest.mark.slow
@pytest.mark.parametrize("changed", [None, "train/optimizers.py"])
def test_a_killed_fine_tuning_goes_on_only_with_the_code_that_began_it(clone, changed):
    process = stage(clone, "train")
    resume = clone / "mlruns/resume"
    while not list(resume.glob(f"{NAME}-*/progress.json")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    process.kill()
    process.communicate()
    (left,) = resume.glob(f"{NAME}-*")
    epoch = read_json(left / "progress.json")["progress"]["epoch"]
    assert 2 <= epoch < 21
    if changed:
        change(clone, changed)
    said = finished(stage(clone, "train"))
    assert ("of an interrupted training" in said) == (changed is None)
    history = pd.read_csv(clone / "models" / NAME / "history.csv")
    np.testing.assert_array_equal(history["epoch"], np.arange(1, 22))
    # What the finished training used is gone; a checkpoint of other code is not touched.
    assert list(resume.glob(f"{NAME}-*")) == ([left] if changed else [])


def test_trials_of_other_code_are_not_used(clone):
    studies = clone / "mlruns/studies"
    finished(stage(clone, "logistic"))
    (first,) = studies.glob("*.db")
    assert "2 trials are already stored" in finished(stage(clone, "logistic"))
    change(clone, "scoring/probability_scores.py")
    assert "are already stored" not in finished(stage(clone, "logistic"))
    (second,) = set(studies.glob("*.db")) - {first}
    with sqlite3.connect(second) as database:
        assert database.execute("SELECT count(*) FROM trials").fetchone() == (2,)
    used = fingerprint(Path("stages/tune.py"), clone)
    assert {
        "src/bakeoff/scoring/probability_scores.py",
        "src/bakeoff/params/models.py",
        "src/bakeoff/tfrecord/reading.py",
    } <= set(used)
