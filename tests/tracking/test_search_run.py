import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from bakeoff import tracking
from bakeoff.params.evidence import TrackingParams
from bakeoff.tracking import model_run as mirror
from bakeoff.tracking.claims import find
from bakeoff.tracking.prune import superseded
from bakeoff.tracking.search_run import mirror_search, search_folders
from bakeoff.tracking.store import open_store
from bakeoff.tracking.sync import sync
from tests.tiny_repository import empty_database, forget_stores, write_model
from tests.tracking.snapshot import snapshot

TRIALS = [
    (0, "complete", 0.5, 2, 3, "[8]", 0.001),
    (1, "pruned", 0.25, None, 1, "[]", 0.01),
    (2, "fail", None, None, 1, "[8]", 0.9),
    (3, "complete", 0.75, 3, 3, "[]", 0.002),
]
COLUMNS = ["number", "state", "cohen_kappa", "best_epoch", "epochs", "head.hidden", "train.rate"]


def write_search(root: Path, trials: int, name="vgg16", study="a" * 64) -> Path:
    """A search's folder, as its stage leaves it."""
    folder = root / "data/search" / name
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(TRIALS[:trials], columns=COLUMNS).astype({"best_epoch": "Int64"})
    table.to_csv(folder / "trials.csv", index=False)
    row = table.iloc[table["cohen_kappa"].argmax()]
    best = {"study": study, "trials": trials, "number": int(row["number"])}
    best |= {"cohen_kappa": float(row["cohen_kappa"]), "values": {"train.rate": row["train.rate"]}}
    (folder / "best.json").write_text(json.dumps(best))
    (folder / "importances.csv").write_text("parameter,importance\ntrain.rate,1.0\n")
    return folder


def by_name(store):
    return {run.info.run_name: run for run in mirror.search(store, "")}


@pytest.fixture
def searched(repository):
    """A search that was logged, beside a model whose values were given."""
    write_search(repository, 4)
    given = repository / "data/search/random_forest"
    given.mkdir()
    (given / "best.json").write_text("{}")
    tracking.log_search(repository / "data/search/vgg16", TrackingParams(), "phantom")
    tracking.log_search(given, TrackingParams(), "phantom")
    return repository


def test_each_trial_is_a_child_of_its_search(searched):
    runs = by_name(open_store("phantom"))
    assert set(runs) == {"search of vgg16", *(f"trial {n}" for n in range(4))}
    parent, best = runs["search of vgg16"], runs["trial 3"]
    assert parent.data.metrics == {"validation/cohen_kappa": 0.75, "search/trials": 4}
    assert {i.dataset.name for i in parent.inputs.dataset_inputs} == {
        "phantom_train",
        "phantom_val",
    }
    assert best.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert best.data.metrics == {"validation/cohen_kappa": 0.75, "best_epoch": 3, "epochs": 3}
    assert best.data.params == {"head.hidden": "[]", "train.rate": "0.002"}
    states = [runs[f"trial {n}"].data.tags["state"] for n in range(4)]
    assert states == ["complete", "pruned", "fail", "complete"]
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_mirroring_again_changes_nothing_and_a_new_store_is_filled_alike(searched, monkeypatch):
    before = snapshot(open_store("phantom"))
    (folder,) = search_folders()
    assert not mirror_search(open_store("phantom"), folder)
    assert snapshot(open_store("phantom")) == before
    shutil.rmtree("mlruns/artifacts")
    forget_stores()
    shutil.copyfile(empty_database(), "mlruns/mlflow.db")
    write_model(searched, "vgg16")
    sync()
    after = snapshot(open_store("phantom"))
    assert {key: run for key, run in after.items() if key in before} == before
    assert len(after) == len(before) + 1


def test_a_search_that_goes_on_keeps_its_run(searched):
    shutil.rmtree("data/search/vgg16")
    store = open_store("phantom")
    folder = write_search(searched, 2, study="b" * 64)
    assert mirror_search(store, folder)
    first = {run.info.run_id for run in mirror.search(store, "")}
    write_search(searched, 4, study="b" * 64)
    assert mirror_search(store, folder)
    both = {run.info.run_id for run in mirror.search(store, "")}
    assert first < both
    assert len(both - first) == 2
    run = find(store, "b" * 64)
    assert run.data.metrics["validation/cohen_kappa"] == 0.75


def test_pruning_counts_searches_by_model_and_takes_their_trials_along(searched):
    store = open_store("phantom")
    assert superseded(store, 1) == []
    mirror_search(store, write_search(searched, 2, study="b" * 64))
    assert sorted(run.name for run in superseded(store, 1)) == [
        "search of vgg16",
        *(f"trial {n}" for n in range(4)),
    ]
    assert superseded(store, 2) == []


def test_a_store_that_cannot_be_reached_stops_no_search(repository, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    folder = write_search(repository, 2)
    tracking.log_search(folder, TrackingParams(), "phantom")
    assert "MLflow is skipped" in caplog.text
