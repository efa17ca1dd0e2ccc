import logging
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from bakeoff import tracking
from bakeoff.params.evidence import TrackingParams
from bakeoff.runtime import journal
from bakeoff.runtime.files import sha256_of_folder
from bakeoff.tracking import model_run as mirror
from bakeoff.tracking.live_run import end_dead_runs
from bakeoff.tracking.store import locked, open_store
from bakeoff.tracking.sync import sync
from tests.tiny_repository import write_model
from tests.tracking.snapshot import snapshot

ON = TrackingParams()


def fit(root: Path, name: str = "vgg16", *, params=ON, finish: bool = True):
    with tracking.live_run(name, "head", params, "phantom", {"device": "CPU"}) as run:
        scores = {
            "loss": 0.7,
            "val_loss": 0.8,
            "val_accuracy": 0.5,
            "val_fp_dark": 3.0,
            "auc": 2 / 3,
        }
        run.log_epoch(1, scores)
        folder = write_model(root, name)
        if finish:
            run.finish(folder, {"fit_seconds": 1.25, "threads": 2})
    return folder


def test_a_run_holds_epochs_parameters_scores_files_and_facts(repository, monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "train@vgg16")
    monkeypatch.setenv("DVC_EXP_NAME", "icy-bear")
    folder = fit(repository)
    (run,) = snapshot(open_store("phantom")).values()
    assert run["status"] == "FINISHED"
    assert run["metrics"]["epoch/loss"] == [(1, 0.7), (2, 0.6)]  # the second from history.csv
    curves = {name for name in run["metrics"] if name.startswith("epoch/")}
    assert curves == {"epoch/loss", "epoch/val_loss", "epoch/val_accuracy"}
    assert run["metrics"]["validation/accuracy"] == [(0, 0.8)]
    assert run["metrics"]["cost/fit_seconds"] == [(0, 1.25)]
    assert "validation/cohen_kappa" not in run["metrics"]
    assert run["params"]["train.learning_rate"] == "0.001"
    assert run["params"]["head.hidden"] == "[8]"
    assert run["params"]["fine_tune.epochs"] == "0"
    assert "fine_tune.batch" not in run["params"]  # nothing was fine-tuned
    tags = run["tags"]
    assert tags["bakeoff.key"] == sha256_of_folder(folder)
    assert tags["stage"] == "train@vgg16"
    assert tags["dvc_experiment"] == "icy-bear"
    assert tags["dataset_fingerprint"] == sha256_of_folder(Path("data/splits"))
    assert tags["weights_origin"] == "seeded random"
    assert tags["weights"] == "random (fallback)"
    assert (tags["device"], tags["threads"], tags["precision"]) == ("CPU", "2", "float32")
    assert "VGG16" in tags["mlflow.note.content"]
    assert "model/model.keras" in run["artifacts"]
    assert "validation/confusion_matrix.csv" in run["artifacts"]
    assert len(run["inputs"]) == 3
    assert journal.lookup("runs", tags["bakeoff.key"])["stage"] == "train@vgg16"


def test_a_fit_of_a_second_has_system_metrics_too(repository):
    fit(repository, params=TrackingParams(system_metrics=True))
    (run,) = mirror.search(open_store("phantom"), "")
    assert 0 <= run.data.metrics["system/cpu_utilization_percentage"] <= 100
    assert 0 < run.data.metrics["system/system_memory_usage_megabytes"]
    assert (run.info.status, run.data.tags["bakeoff.complete"]) == ("FINISHED", "true")


@pytest.mark.slow
def test_a_longer_fit_has_system_metrics_every_ten_seconds(repository):
    on = TrackingParams(system_metrics=True)
    with tracking.live_run("vgg16", "head", on, "phantom", {}) as run:
        time.sleep(21)
        run.finish(write_model(repository, "vgg16"), {})
    store = open_store("phantom")
    (found,) = mirror.search(store, "")
    name = "system/cpu_utilization_percentage"
    steps = [m.step for m in store.client.get_metric_history(found.info.run_id, name)]
    assert sorted(steps) == [0, 1, 2]


def test_an_upload_is_waited_for_only_by_who_would_upload_the_same(repository):
    with locked("a" * 64):
        with locked("b" * 64), locked("store"), locked("registry"):
            pass
        assert fit(repository).is_dir()
        other = FileLock("mlruns/locks/a", timeout=0.1)
        with pytest.raises(Timeout):
            other.acquire()


def test_the_same_model_made_twice_is_one_run(repository):
    fit(repository)
    before = snapshot(open_store("phantom"))
    fit(repository)
    assert snapshot(open_store("phantom")) == before


def test_disabled_tracking_touches_nothing(repository):
    code = (
        "import sys; from bakeoff import tracking; "
        "from bakeoff.params.evidence import TrackingParams\n"
        "with tracking.live_run('m', 'head', TrackingParams(enabled=False), 'd', {}) as run:\n"
        "    run.log_epoch(1, {'loss': 1.0})\n"
        "assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert mirror.search(open_store("phantom"), "") == []


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_an_error_ends_the_run_and_goes_on_up(repository, error, status):
    with pytest.raises(error), tracking.live_run("m", "head", ON, "phantom", {}):
        raise error
    (run,) = mirror.search(open_store("phantom"), "")
    assert run.info.status == status


@pytest.mark.slow
def test_a_killed_process_leaves_a_run_that_is_marked_later(repository):
    code = (
        "import os; from bakeoff import tracking; "
        "from bakeoff.params.evidence import TrackingParams\n"
        "with tracking.live_run('m', 'head', TrackingParams(), 'phantom', {}) as run:\n"
        "    run.log_epoch(1, {'loss': 1.0}); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    store = open_store("phantom")
    assert [r.info.status for r in mirror.search(store, "")] == ["RUNNING"]
    assert end_dead_runs(store) == 1
    assert [r.info.status for r in mirror.search(store, "")] == ["KILLED"]
    assert end_dead_runs(store) == 0


def test_a_run_of_a_gone_process_is_marked(repository):
    store = open_store("phantom")
    tags = {"bakeoff.process": f"{socket.gethostname()}:{os.getpid()}:1"}  # started in 1970
    store.client.create_run(store.experiment_id, tags=tags)
    elsewhere = {"bakeoff.process": "otherhost:1:1"}
    store.client.create_run(store.experiment_id, tags=elsewhere)
    assert end_dead_runs(store) == 1
    assert sorted(r.info.status for r in mirror.search(store, "")) == ["KILLED", "RUNNING"]


def test_a_run_of_this_process_is_not_dead(repository):
    with tracking.live_run("m", "head", ON, "phantom", {}):
        assert end_dead_runs(open_store("phantom")) == 0


def test_an_unreachable_server_is_reported_once_without_its_password(
    repository, monkeypatch, caplog
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://anna:s3cret@127.0.0.1:9/mlflow")
    started = time.monotonic()
    with caplog.at_level(logging.WARNING):
        folder = fit(repository)
    assert time.monotonic() - started < 60  # MLflow's own retries would take minutes
    assert folder.is_dir()
    (record,) = caplog.records
    assert "127.0.0.1:9" in record.message
    assert "bakeoff sync" in record.message
    assert "s3cret" not in caplog.text
    assert "anna" not in caplog.text
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    sync()
    (run,) = snapshot(open_store("phantom")).values()  # with what only the fit knew
    assert run["tags"]["device"] == "CPU"


def test_a_store_that_dies_in_mid_run_stops_nothing(repository, caplog):
    with tracking.live_run("vgg16", "head", ON, "phantom", {}) as run:
        run.log_epoch(1, {"loss": 0.7})
        Path("mlruns/mlflow.db").write_bytes(b"no database")
        run.log_epoch(2, {"loss": 0.6})
        run.log_epoch(3, {"loss": 0.5})
        run.finish(write_model(repository, "vgg16"), {})
    assert len(caplog.records) == 1


@pytest.mark.slow
def test_processes_at_once_make_whole_runs_and_none_twice(repository):
    for name in ("a", "b"):
        write_model(repository, name)
    Path("mlruns/mlflow.db").unlink()
    code = (
        "import sys; from pathlib import Path; from bakeoff import tracking; "
        "from bakeoff.params.evidence import TrackingParams\n"
        "with tracking.live_run(sys.argv[1], 'head', TrackingParams(), 'phantom', {}) as run:\n"
        "    run.log_epoch(1, {'loss': 0.7, 'val_loss': 0.8, 'val_accuracy': 0.5})\n"
        "    run.finish(Path('models') / sys.argv[1], {})"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("a", "b", "a")]
    assert [process.wait() for process in both] == [0, 0, 0]
    runs = snapshot(open_store("phantom"))
    assert sorted(run["name"] for run in runs.values()) == ["a", "b"]
    assert all(run["metrics"]["epoch/loss"] == [(1, 0.7), (2, 0.6)] for run in runs.values())


def test_a_patient_fit_that_is_over_soon_is_logged_by_the_report(repository):
    with tracking.live_run("vgg16", "head", ON, "phantom", {}, patience=600.0) as run:
        run.log_epoch(1, {"loss": 1.0})
        key = sha256_of_folder(run_folder := write_model(repository, "vgg16"))
        run.finish(run_folder, {"fit_seconds": 1.5})
    assert mirror.search(open_store("phantom"), "") == []
    assert journal.lookup("runs", key)["stage"] == "train@vgg16"  # what the report tags it with


def test_a_patient_fit_that_takes_longer_has_every_epoch(repository):
    with tracking.live_run("vgg16", "head", ON, "phantom", {}, patience=0.05) as run:
        run.log_epoch(1, {"loss": 3.0})
        time.sleep(0.06)
        run.log_epoch(2, {"loss": 2.0})
        (live,) = mirror.search(open_store("phantom"), "")
        assert live.info.status == "RUNNING"
        run.log_epoch(3, {"loss": 1.0})
    store = open_store("phantom")
    history = store.client.get_metric_history(live.info.run_id, "epoch/loss")
    assert [(m.step, m.value) for m in history] == [(1, 3.0), (2, 2.0), (3, 1.0)]


def test_a_patient_fit_that_fails_at_once_has_a_run(repository):
    with (
        pytest.raises(ZeroDivisionError),
        tracking.live_run("m", "head", ON, "phantom", {}, patience=600.0) as run,
    ):
        run.log_epoch(1, {"loss": 1.0})
        raise ZeroDivisionError
    (failed,) = mirror.search(open_store("phantom"), "")
    assert (failed.info.status, failed.data.metrics["epoch/loss"]) == ("FAILED", 1.0)
