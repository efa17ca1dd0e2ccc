import shutil
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from bakeoff import tracking
from bakeoff.params.evidence import EvaluateParams, TrackingParams
from bakeoff.runtime.errors import BakeoffError
from bakeoff.tracking import comparison_run as comparison
from bakeoff.tracking import model_run as mirror
from bakeoff.tracking.comparison_run import ComparisonFiles, mirror_comparison
from bakeoff.tracking.reasons import redact, shown_uri
from bakeoff.tracking.registry import register_best
from bakeoff.tracking.store import open_store
from bakeoff.tracking.sync import recorded_dataset, set_aside, sync
from tests.tiny_repository import empty_database, forget_stores, write_model, write_reports
from tests.tracking.snapshot import snapshot


@pytest.fixture
def reproduced(repository, monkeypatch):
    """Two models, one logged live, and their comparison; nothing that can be served."""
    monkeypatch.setattr("bakeoff.serve.predictor.can_predict", lambda folder: False)
    for name in ("vgg16", "logistic_vgg16"):
        write_model(repository, name)
    with tracking.live_run("vgg16", "head", TrackingParams(), "phantom", {"device": "CPU"}) as run:
        run.log_epoch(1, {"loss": 0.7, "val_loss": 0.8, "val_accuracy": 0.5})
        run.finish(repository / "models/vgg16", {})
    write_reports(repository, {"vgg16": 20, "logistic_vgg16": 18, "majority_class": 12})
    return repository


def mirror_all():
    tracking.log_comparison(Path("reports"), Path("models"), TrackingParams())
    return open_store("phantom")


def by_name(store):
    return {run.info.run_name: run for run in mirror.search(store, "")}


def test_the_comparison_and_its_models_stand_side_by_side(reproduced):
    runs = by_name(mirror_all())
    (comparison,) = [run for name, run in runs.items() if name.startswith("comparison of phantom")]
    assert set(runs) == {comparison.info.run_name, "vgg16", "logistic_vgg16"}
    assert not comparison.data.metrics  # charts would show the best model twice
    assert comparison.data.tags["best_model"] == "vgg16"
    assert comparison.data.params["tfrecord.encoding"] == "png"
    assert len(comparison.inputs.dataset_inputs) == 3
    child = runs["vgg16"]
    params = child.data.params
    assert (params["tfrecord.fit"], params["tfrecord.equalize"]) == ("stretch", "none")
    rates = [
        name for run in runs.values() for name in run.data.params if name.endswith("learning_rate")
    ]
    assert set(rates) == {"train.learning_rate"}  # as in an entry of params.yaml
    assert child.data.tags["comparisons"] == comparison.data.tags["bakeoff.key"][:8]
    assert child.data.tags["accuracy interval"] == "0.733 to 0.933"
    assert child.data.tags["weights"] == "random (fallback)"
    assert "mlflow.parentRunId" not in child.data.tags
    assert child.data.metrics["score/accuracy_low"] == pytest.approx(20 / 24 - 0.1)
    assert child.data.metrics["cost/predict_ms"] == 2.0
    assert "score/image_side" not in child.data.metrics  # no score: a parameter
    note = child.data.tags["mlflow.note.content"]
    assert note.split("\n\n")[1] == "Score: accuracy 0.833 (0.733 to 0.933), cohen_kappa 0.500."
    assert "score/macro_f1" not in child.data.metrics  # undefined
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_models_have_the_same_metrics_and_artifacts(reproduced):
    runs = {run["name"]: run for run in snapshot(mirror_all()).values()}
    one, other = runs["vgg16"], runs["logistic_vgg16"]
    assert set(one["metrics"]) == set(other["metrics"])
    assert one["artifacts"] == other["artifacts"]
    assert "test/predictions.csv" in one["artifacts"]
    assert "test/plots/roc.txt" in one["artifacts"]


def test_mirroring_again_changes_nothing(reproduced):
    before = snapshot(mirror_all())
    assert snapshot(mirror_all()) == before
    done = sync()
    assert (done.models, done.new, done.killed) == (2, (), 0)
    assert snapshot(open_store("phantom")) == before


def test_a_deleted_store_is_rebuilt_alike_from_files_and_journal(reproduced):
    before = snapshot(mirror_all())
    shutil.rmtree("mlruns/artifacts")
    forget_stores()
    shutil.copyfile(empty_database(), "mlruns/mlflow.db")
    assert len(sync().new) == 2
    assert snapshot(open_store("phantom")) == before


def test_a_clone_without_journal_has_every_metric_and_file(reproduced):
    before = snapshot(mirror_all())
    shutil.rmtree("mlruns")
    Path("mlruns").mkdir()
    forget_stores()
    shutil.copyfile(empty_database(), "mlruns/mlflow.db")
    sync()
    after = snapshot(open_store("phantom"))
    assert after.keys() == before.keys()
    for key, run in after.items():
        assert {k: run[k] for k in ("params", "metrics", "artifacts", "inputs")} == {
            k: before[key][k] for k in ("params", "metrics", "artifacts", "inputs")
        }


def test_a_half_written_run_is_completed_without_doubles(reproduced):
    before = snapshot(mirror_all())
    store = open_store("phantom")
    for run in mirror.search(store, "tags.`bakeoff.role` = 'model'"):
        store.client.delete_tag(run.info.run_id, "bakeoff.complete")
    assert len(sync().new) == 2
    assert snapshot(store) == before


def test_threads_at_once_log_nothing_twice(reproduced):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: sync(), range(4)))
    assert len(mirror.search(open_store("phantom"), "")) == 3


def test_a_model_that_did_not_change_takes_part_in_both_comparisons(reproduced):
    store = mirror_all()
    (old,) = mirror.search(store, "tags.`bakeoff.role` = 'comparison'")
    write_model(reproduced, "vgg16", accuracy=0.9)
    write_reports(reproduced, {"vgg16": 22, "logistic_vgg16": 18, "majority_class": 12})
    mirror_all()
    runs = mirror.search(store, "")
    assert len(runs) == 5  # two of vgg16, one of logistic, two comparisons
    _, new = [r for r in runs if r.data.tags["bakeoff.role"] == "comparison"]
    old_name, new_name = (r.data.tags["bakeoff.key"][:8] for r in (old, new))
    members = {r.info.run_id: r.data.tags.get("comparisons") for r in runs}
    assert sorted(filter(None, members.values())) == sorted(
        [old_name, new_name, f"{old_name} {new_name}"]
    )


def test_files_are_found_by_the_models_whole_name(tmp_path):
    names = ("predictions/vgg16.csv", "predictions/logistic_vgg16.csv", "cards/vgg16.md")
    for name in (*names, "plots/confusion/vgg16.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "vgg16.txt").touch()  # not below a folder that says what it is
    assert comparison.tested_files(tmp_path, "vgg16") == {
        "confusion_matrix.png": tmp_path / "plots/confusion/vgg16.png",  # for MLflow's Compare
        "test/cards.md": tmp_path / "cards/vgg16.md",
        "test/predictions.csv": tmp_path / "predictions/vgg16.csv",
    }


def test_a_moved_repository_is_advised_to_rebuild(reproduced, tmp_path, monkeypatch):
    before = snapshot(mirror_all())
    moved = tmp_path / "elsewhere"
    shutil.move(reproduced, moved)
    monkeypatch.chdir(moved)
    with pytest.raises(BakeoffError, match="sync --rebuild"):
        sync()
    (moved / "mlruns/before-2").mkdir()  # of two earlier ones, the first was deleted
    assert set_aside() == moved / "mlruns/before-3"
    forget_stores()
    sync()
    assert snapshot(open_store("phantom")) == before


def test_nothing_to_show_is_one_sentence(repository):
    with pytest.raises(BakeoffError, match="dvc repro"):
        sync()


def test_the_data_set_is_the_one_that_the_lock_file_records(repository):
    assert recorded_dataset() == "phantom"
    Path("dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  ingest:\n    cmd: x\n    params:\n      params.yaml:\n"
        "        dataset: flowers\n"
    )
    assert recorded_dataset() == "flowers"


def test_secrets_in_an_address_are_not_shown():
    uri = "postgresql://anna:s3cret@db.example:5432/runs?password=s3cret"
    assert shown_uri(uri) == "postgresql://db.example:5432/runs"
    assert "s3cret" not in redact(f"could not connect to {uri}", uri)


def test_a_comparison_without_a_servable_model_registers_nothing(reproduced):
    store = mirror_all()
    compared = ComparisonFiles.read(Path("reports"), Path("models"))
    mirror_comparison(store, compared)
    assert register_best(store, compared, Path("models"), EvaluateParams()) is None


@pytest.mark.parametrize("uri", ["http://mlflow:5000mlflow", "http://mlflow:99999", "http://[::1"])
def test_a_mistyped_address_is_one_sentence_and_training_goes_on(
    repository, monkeypatch, caplog, uri
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    write_model(repository, "vgg16")
    with pytest.raises(BakeoffError, match="MLFLOW_TRACKING_URI.*http://host:5000"):
        sync()
    with tracking.live_run("vgg16", "head", TrackingParams(), "phantom", {}) as run:
        run.log_epoch(1, {"loss": 0.7})
        run.finish(repository / "models/vgg16", {})
    assert "training continues" in caplog.text


def test_a_locked_database_costs_seconds(repository):
    write_model(repository, "vgg16")
    with closing(sqlite3.connect("mlruns/mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        with pytest.raises(BakeoffError, match="mlflow.db cannot be used .*locked"):
            sync()
        assert time.monotonic() - started < 60


def test_a_database_of_another_mlflow_is_advised_to_rebuild(repository):
    write_model(repository, "vgg16")
    forget_stores()
    with closing(sqlite3.connect("mlruns/mlflow.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'unheard'")
        database.commit()
    with pytest.raises(BakeoffError, match="another version of MLflow; `bakeoff sync --rebuild`"):
        sync()
