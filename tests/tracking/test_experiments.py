"""DVC's experiments: those in a temporary folder log to the main repository's store."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from bakeoff import tracking
from bakeoff.params.evidence import TrackingParams
from bakeoff.tracking import model_run as mirror
from bakeoff.tracking.store import open_store
from bakeoff.tracking.sync import sync
from tests.tiny_repository import ROOT, write_model, write_reports

FIT = """import json, sys
from pathlib import Path
import yaml
sys.path.insert(0, "{tests}")
from bakeoff import tracking
from bakeoff.params.evidence import TrackingParams
from tests.tiny_repository import write_model
rate = yaml.safe_load(Path("params.yaml").read_text())["models"]["vgg16"]["train"]["learning_rate"]
with tracking.live_run("vgg16", "head", TrackingParams(), "phantom", {{}}) as run:
    folder = write_model(Path.cwd(), "vgg16", accuracy=rate)
    run.finish(folder, {{}})
"""
STAGES = """stages:
  train:
    foreach: [vgg16]
    do:
      cmd: {python} fit.py
      deps: [fit.py]
      params: ["models.${{item}}.train.learning_rate"]
      outs: ["models/${{item}}"]
"""


@pytest.fixture
def elsewhere(repository, tmp_path, monkeypatch):
    """Below the temporary copy in which DVC runs an experiment, with what DVC sets."""
    for name in ("vgg16", "logistic_vgg16"):
        write_model(repository, name)
    write_reports(repository, {"vgg16": 20, "logistic_vgg16": 18})
    sync()
    copy = tmp_path / "dvc-exp"
    shutil.copytree(repository, copy, ignore=shutil.ignore_patterns("mlruns"))
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(repository))
    monkeypatch.setenv("DVC_EXP_NAME", "icy-bear")
    return copy


def reproduce(root: Path) -> None:
    """Train one model anew and compare."""
    with tracking.live_run("vgg16", "head", TrackingParams(), "phantom", {}) as run:
        run.finish(write_model(root, "vgg16", accuracy=0.9), {})
    write_reports(root, {"vgg16": 22, "logistic_vgg16": 18})
    tracking.log_comparison(Path("reports"), Path("models"), TrackingParams())


def key(comparison) -> str:
    """What the tags of a comparison's models name it by."""
    return comparison.data.tags["bakeoff.key"][:8]


def compared(store, comparison) -> list[str]:
    """The models whose tag names the comparison."""
    found = mirror.search(store, f"tags.`comparisons` LIKE '%{key(comparison)}%'")
    return sorted(run.info.run_name for run in found)


def store_tag(store, name: str) -> str:
    return store.client.get_experiment(store.experiment_id).tags[name]


def searched(state: str) -> str:
    """The search of a view, as MLflow's pages unpack it."""
    packed = base64.b64decode(state.removeprefix("deflate;"))
    return json.loads(zlib.decompress(packed))["searchFilter"]


def test_an_experiment_elsewhere_logs_to_the_main_store_under_its_name(elsewhere, repository):
    store = open_store("phantom")
    (baseline,) = mirror.search(store, "tags.`bakeoff.role` = 'comparison'")
    reproduce(elsewhere)
    (made,) = mirror.search(store, "tags.dvc_experiment = 'icy-bear' AND tags.stage = 'evaluate'")
    assert not (elsewhere / "mlruns").exists()
    assert (repository / "mlruns/mlflow.db").is_file()
    runs = mirror.search(store, "tags.dvc_experiment = 'icy-bear'")
    names = {run.info.run_name: run for run in runs}
    assert set(names) == {"vgg16 (icy-bear)", made.info.run_name}
    assert re.fullmatch(r"comparison of phantom, [-0-9]+ [:0-9]+ \(icy-bear\)", made.info.run_name)
    assert compared(store, made) == ["logistic_vgg16", "vgg16 (icy-bear)"]
    assert compared(store, baseline) == ["logistic_vgg16", "vgg16"]  # it keeps its own two
    view = json.loads(store_tag(store, "mlflow.sharedViewState.models"))["state"]
    assert key(baseline) in searched(view)  # of the workspace, not of the experiment


def test_an_applied_experiment_takes_the_models_that_did_not_change(
    elsewhere, repository, monkeypatch
):
    reproduce(elsewhere)
    for name in ("models", "reports"):  # as `dvc exp apply` does
        shutil.rmtree(repository / name)
        shutil.copytree(elsewhere / name, repository / name)
    monkeypatch.chdir(repository)
    monkeypatch.delenv("DVC_EXP_NAME")
    assert sync().new == ()
    store = open_store("phantom")
    (applied,) = mirror.search(store, "attributes.run_name LIKE 'comparison % (icy-bear)'")
    assert compared(store, applied) == ["logistic_vgg16", "vgg16 (icy-bear)"]
    view = json.loads(store_tag(store, "mlflow.sharedViewState.models"))["state"]
    assert key(applied) in searched(view)


def run(root: Path, *command: str) -> str:
    """Run a command in the repository; its output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    names = {
        f"GIT_{who}_{what}": "a@b.example"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {**os.environ, **names, "PATH": path, "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_dvc_runs_experiments_in_the_workspace_elsewhere_and_from_its_queue(repository):
    (repository / "fit.py").write_text(FIT.format(tests=ROOT))
    (repository / "dvc.yaml").write_text(STAGES.format(python=sys.executable))
    (repository / ".gitignore").write_text("/mlruns/\n")
    for command in ("git init -q", "dvc init -q", "dvc repro", "git add -A", "git commit -qm one"):
        run(repository, *command.split())
    rate = "models.vgg16.train.learning_rate"
    start = ["dvc", "exp", "run"]
    run(repository, *start, "--temp", "--name", "elsewhere", "-S", f"{rate}=0.2")
    run(repository, *start, "--queue", "--name", "queued", "-S", f"{rate}=0.3,0.4")
    run(repository, *start, "--run-all")
    run(repository, *start, "--name", "here", "-S", f"{rate}=0.5")
    shown = run(repository, "dvc", "exp", "show", "--csv")
    runs = {r.info.run_name: r for r in mirror.search(open_store("phantom"), "")}
    expected = {"here": 0.5, "elsewhere": 0.2, "queued-1": 0.3, "queued-2": 0.4}
    assert set(runs) == {"vgg16", *(f"vgg16 ({name})" for name in expected)}
    for name, accuracy in expected.items():
        logged = runs[f"vgg16 ({name})"]
        assert logged.data.metrics["validation/accuracy"] == accuracy
        assert logged.data.tags["dvc_experiment"] == name
        assert f"\n{name}," in shown
