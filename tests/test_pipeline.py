"""The whole DAG once, for real, at a reduced size: real DVC, real MLflow, one backbone."""

import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from bakeoff.folds.out_of_fold import read_folds, read_learning_curve
from tests.reduced import reduce

ROOT = Path(__file__).resolve().parent.parent
MODEL = "efficientnetv2b0"


def run(root: Path, *command: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the clone, with this environment's programs and the clone's sources."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root / "src"), **extra}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def edit(root: Path, key: str, value: object) -> None:
    """Set one key of the clone's params.yaml."""
    path = root / "params.yaml"
    tree = yaml.safe_load(path.read_text())
    *parents, last = key.split(".")
    node = tree
    for parent in parents:
        node = node[parent]
    node[last] = value
    path.write_text(yaml.safe_dump(tree, sort_keys=False))


def stages_that_ran(output: str) -> set[str]:
    """Names in DVC's `Running stage 'x':` lines."""
    return {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory) -> Path:
    """A copy of the tracked and new files of this working tree, reproduced once."""
    root = tmp_path_factory.mktemp("clone") / "bakeoff"
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    files = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes((ROOT / name).read_bytes())
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "a clone"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *identity, *command], cwd=root, check=True)
    reduce(root, (MODEL,))
    done = run(root, "dvc", "repro")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


def test_every_model_is_compared_on_the_same_pictures(reproduced):
    table = pd.read_csv(reproduced / "reports/comparison.csv")
    assert {MODEL, f"logistic_{MODEL}", "random_forest", "majority_class"} <= set(table["model"])
    assert table["accuracy"].is_monotonic_decreasing
    assert table["n_train"].nunique() == table["n_test"].nunique() == 1
    for column in ("weights", "image_side", "cohen_kappa", "macro_f1", "fit_seconds"):
        assert column in table.columns
    for name in table["model"]:
        reported = table.set_index("model").loc[name]
        folder = reproduced / "reports/predictions"
        repeats = sorted(folder.glob(f"repeat_*/{name}.csv"))
        own = [folder / f"{name}.csv"]
        if name.startswith("forest_"):  # a recipe of the folds, without a model of its own
            assert not own[0].exists()
            own = []
        for paths, column in ((own, "test_accuracy"), (repeats, "accuracy")):
            if not paths:
                continue
            scored = [pd.read_csv(path) for path in paths]
            right = [(p["label"] == p["predicted"]).mean() for p in scored]
            assert np.mean(right) == pytest.approx(reported[column], abs=1e-5)


def test_predicting_from_picture_files_gives_what_the_evaluation_gave(reproduced):
    table = pd.read_csv(reproduced / "data/splits/test.csv", dtype=str)
    done = run(reproduced, "bakeoff", "predict", "--model", MODEL, *table["path"])
    assert done.returncode == 0, done.stderr
    said = pd.read_csv(io.StringIO(done.stdout)).filter(like="p_")
    evaluated = pd.read_csv(reproduced / f"reports/predictions/{MODEL}.csv", index_col="image_id")
    once = evaluated[~evaluated.index.duplicated()]
    expected = once.loc[table["image_id"], list(said)].to_numpy()
    assert said.to_numpy() == pytest.approx(expected, abs=2e-6)


def test_a_model_is_trained_with_the_values_that_its_search_found(reproduced):
    best = json.loads((reproduced / f"data/search/{MODEL}/best.json").read_text())
    models = reproduced / "models"
    metadata = json.loads((models / MODEL / "metadata.json").read_text())
    assert metadata["params"]["searched"] == sorted(best["values"])
    assert metadata["params"]["head"]["dropout"] == best["values"]["head.dropout"]
    # The same seeds and the same values: the best trial's network, to the last digit.
    metrics = json.loads((models / MODEL / "metrics.json").read_text())
    assert metrics["cohen_kappa"] == pytest.approx(best["cohen_kappa"], abs=1e-12)
    table = pd.read_csv(reproduced / "reports/comparison.csv").set_index("model")
    assert table.loc[MODEL, "searched"] == 3
    assert table.loc["random_forest", "searched"] == 2
    assert table.loc["majority_class", "searched"] == 0
    plotted = pd.read_csv(reproduced / "reports/curves/search.csv")
    assert plotted.groupby("model")["trial"].count()[MODEL] == 3
    done = run(reproduced, "dvc", "plots", "show", "reports/curves/search.csv")
    assert done.returncode == 0, done.stderr


def test_a_parameter_has_one_name_from_params_yaml_to_mlflow(reproduced):
    rows = (ROOT / "docs/parameters.md").read_text(encoding="utf-8").splitlines()
    keys = {line.split("`")[1] for line in rows if line.startswith("| `")}
    of_entries = ("defaults.", "models.<name>.", "random_forest.", "logistic.")
    entry = {key.removeprefix(start) for key in keys for start in of_entries}
    entry |= {"tune.trials", "searched"}  # the keys that the search replaced
    facts = {"model", "kind", "n_train", "n_val", "best_epoch", "temperature"}
    runs = logged_params(reproduced)
    assert {"comparison", "model", "trial"} == set(runs)
    assert runs["model"].keys() - facts <= entry | keys
    assert runs["trial"].keys() <= runs["model"].keys() & entry
    mappings = tuple(f"{key}." for key in keys if key.endswith(("tune", "space")))
    assert {k for k in runs["comparison"].keys() - keys if not k.startswith(mappings)} == set()
    rate = f"models.{MODEL}.train.learning_rate"
    node = yaml.safe_load((reproduced / "params.yaml").read_text())
    for name in rate.split("."):
        node = node[name]
    assert str(node) in runs["model"]["train.learning_rate"]
    rates = {key for role in ("model", "trial") for key in runs[role] if "rate" in key}
    assert rates == {"train.learning_rate"}


def logged_params(root: Path) -> dict[str, dict[str, set[str]]]:
    """By the role of a run, its parameters with all their values, from MLflow's database."""
    query = "SELECT tags.value, params.key, params.value FROM params JOIN tags USING (run_uuid)"
    found: dict[str, dict[str, set[str]]] = {}
    with closing(sqlite3.connect(root / "mlruns/mlflow.db")) as store:
        for role, key, value in store.execute(f"{query} WHERE tags.key = 'bakeoff.role'"):
            found.setdefault(role, {}).setdefault(key, set()).add(value)
    return found


def test_every_picture_is_predicted_by_models_that_never_saw_it(reproduced):
    recipes = read_folds(reproduced / f"data/folds/{MODEL}")
    assert set(recipes) == {"head", "logistic", "forest"}
    sides = [pd.read_csv(reproduced / f"data/splits/{s}.csv") for s in ("train", "val", "test")]
    pictures = pd.concat(sides)
    dealt = pd.read_csv(reproduced / "data/splits/folds.csv")
    audit = json.loads((reproduced / "reports/split/leakage.json").read_text())["folds"]
    assert audit["repeats"] == 2
    assert audit["groups"] == audit["exact_duplicates"] == audit["near_duplicates"] == 0
    for predictions in recipes.values():
        assert sorted(predictions.image_ids) == sorted(pictures["image_id"])
        assert predictions.probabilities.shape == (2, len(pictures), 3)
        assert predictions.probabilities.sum(axis=2) == pytest.approx(1, abs=1e-5)
        for repeat, folds in enumerate(predictions.folds):
            fold = dealt[dealt["repeat"] == repeat].set_index("image_id")["fold"]
            assert (fold[predictions.image_ids].to_numpy() == folds).all()
            assert pd.Series(folds).groupby(predictions.groups).nunique().max() == 1
        assert predictions.right.mean() == pytest.approx(predictions.facts["accuracy"], abs=1e-6)
    curve = read_learning_curve(reproduced / f"data/folds/{MODEL}")
    assert curve is not None
    np.testing.assert_array_equal(curve.right[:, -1], recipes["logistic"].right)


def test_a_second_reproduction_runs_nothing(reproduced):
    again = run(reproduced, "dvc", "repro")
    assert again.returncode == 0
    assert stages_that_ran(again.stdout) == set()
    assert "up to date" in again.stdout


def test_a_mistake_stops_the_run_with_one_sentence_and_loses_nothing(reproduced):
    before = sorted(p for p in reproduced.rglob("*") if ".dvc" not in p.parts)
    for key, value, sentence in (
        (f"models.{MODEL}.train.lerning_rate", 1, "unknown key 'models.efficientnetv2b0.train"),
        ("sort.min_side", "big", "'sort.min_side' is 'big'"),
    ):
        original = (reproduced / "params.yaml").read_text()
        edit(reproduced, key, value)
        failed = run(reproduced, "dvc", "repro")
        (reproduced / "params.yaml").write_text(original)
        assert failed.returncode != 0
        assert sentence in failed.stderr
        assert "Traceback" not in failed.stderr
        assert run(reproduced, "dvc", "repro").returncode == 0
    assert sorted(p for p in reproduced.rglob("*") if ".dvc" not in p.parts) == before


def test_another_learning_rate_reruns_that_head_and_the_comparison_alone(reproduced):
    edit(reproduced, f"models.{MODEL}.train.learning_rate", 0.002)
    done = run(reproduced, "dvc", "repro")
    assert done.returncode == 0, done.stderr
    own = {f"{stage}@{MODEL}" for stage in ("tune", "train", "folds")}
    assert stages_that_ran(done.stdout) == own | {"fingerprint", "evaluate", "report"}


def append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as source:
        source.write(f"{line}\n")


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ("src/bakeoff/report/plots/figures.py", 'PALETTE = ("#111111", *PALETTE[1:])'),
        ("src/bakeoff/report/templates/report.css", "/* another style */"),
        ("src/bakeoff/report/templates/report.html.j2", "<!-- another page -->"),
        ("src/bakeoff/tracking/registry.py", "# of the mirror no stage's output tells"),
    ],
)
def test_what_only_is_shown_reruns_the_report_alone(reproduced, changed, line):
    append(reproduced / changed, line)
    done = run(reproduced, "dvc", "repro")
    assert done.returncode == 0, done.stderr
    drawing = {"census"} if "plots" in changed else set()
    shown = {"report"} if "tracking" not in changed else set()
    assert stages_that_ran(done.stdout) == {"fingerprint"} | drawing | shown


def test_a_switch_of_tracking_reruns_no_training(reproduced):
    edit(reproduced, "tracking.keep", 3)
    done = run(reproduced, "dvc", "repro")
    assert done.returncode == 0, done.stderr
    assert stages_that_ran(done.stdout) == {"fingerprint", "report"}


@pytest.mark.slow
def test_a_score_that_a_search_used_changes_its_key(reproduced):
    append(reproduced / "src/bakeoff/scoring/probability_scores.py", "# another rule")
    done = run(reproduced, "dvc", "repro")
    assert done.returncode == 0, done.stderr
    ran = stages_that_ran(done.stdout)
    assert {f"tune@{MODEL}", f"train@{MODEL}", "random_forest@random_forest"} <= ran
    assert not {"split", "tfrecord", f"features@{MODEL}"} & stages_that_ran(done.stdout)


def test_the_notebook_of_first_steps_runs(reproduced):
    cells = json.loads((reproduced / "docs/first_steps.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 5
    script = reproduced / "first_steps.py"
    script.write_text("\n\n".join(code), encoding="utf-8")
    done = run(reproduced, sys.executable, script.name, MPLBACKEND="Agg")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "up to date" in done.stdout
    assert "learning_rate" in done.stdout  # `dvc params diff` after the experiment
    assert "p_normal" in done.stdout
    assert (reproduced / "explained.png").is_file()
