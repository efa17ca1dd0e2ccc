"""Stores that another MLflow made: real old schemas, built by MLflow's own migrations."""

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base
from sqlalchemy import create_engine

from bakeoff import tracking
from bakeoff.doctor import examine
from bakeoff.params.evidence import TrackingParams
from bakeoff.runtime.errors import BakeoffError
from bakeoff.tracking import model_run as mirror
from bakeoff.tracking.store import open_store, own_uri
from bakeoff.tracking.sync import set_aside, sync
from tests.tiny_repository import forget_stores, write_model

OF_2019 = "2b4d017a5e9b"  # MLflow 1.4: the first model registry
LAST_BUT_ONE = "75868b020152"  # of the MLflow that the lock file names


def write_store(root: Path, revision: str) -> None:
    """A store at an old schema with one run of the experiment `phantom`."""
    database = root / "mlruns/mlflow.db"
    forget_stores()
    database.unlink()
    engine = create_engine(own_uri())
    Base.metadata.create_all(engine)
    config = _get_alembic_config(own_uri())
    with engine.begin() as opened:
        config.attributes["connection"] = opened
        command.upgrade(config, revision)
    engine.dispose()
    place = (root / "mlruns/artifacts/phantom").as_uri()
    connection = sqlite3.connect(database)
    connection.execute(
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) "
        "VALUES (1, 'phantom', ?, 'active')",
        [place],
    )
    connection.execute(
        "INSERT INTO runs (run_uuid, name, user_id, source_type, status, start_time, end_time, "
        "lifecycle_stage, artifact_uri, experiment_id) "
        "VALUES ('aa', 'of old', 'anna', 'LOCAL', 'FINISHED', 1, 2, 'active', ?, 1)",
        [f"{place}/aa/artifacts"],
    )
    connection.execute("INSERT INTO params VALUES ('train.epochs', '10', 'aa')")
    connection.commit()
    connection.close()
    (root / "mlruns/artifacts/phantom/aa/artifacts").mkdir(parents=True)
    (root / "mlruns/artifacts/phantom/aa/artifacts/card.md").write_text("old")


def fit(root: Path) -> None:
    with tracking.live_run("vgg16", "head", TrackingParams(), "phantom", {}) as run:
        run.finish(write_model(root, "vgg16"), {})


def read_names() -> list[str]:
    """The names of the runs; the old one must be whole."""
    store = open_store("phantom")
    runs = {run.info.run_id: run for run in mirror.search(store, "")}
    assert runs["aa"].data.params == {"train.epochs": "10"}
    assert [file.path for file in store.client.list_artifacts("aa")] == ["card.md"]
    return sorted(str(run.info.run_name) for run in runs.values())


def test_a_store_of_2019_is_brought_up_to_date_where_it_is_opened(repository):
    write_store(repository, OF_2019)
    fit(repository)
    assert read_names() == ["of old", "vgg16"]
    assert Path(f"mlruns/before-upgrade-{OF_2019}.db").is_file()


@pytest.mark.slow
def test_a_store_of_the_mlflow_before_is_kept_and_brought_up_to_date(repository):
    write_store(repository, LAST_BUT_ONE)
    (finding,) = [finding for finding in examine() if finding.topic == "MLflow"]
    assert finding.what == "1 runs in mlruns/mlflow.db"
    write_model(repository, "vgg16")
    sync()
    assert read_names() == ["of old", "vgg16"]
    kept = sqlite3.connect(f"mlruns/before-upgrade-{LAST_BUT_ONE}.db")
    assert kept.execute("SELECT name FROM runs").fetchall() == [("of old",)]
    kept.close()


def test_a_newer_store_is_left_alone_and_the_remedy_said(repository, caplog):
    forget_stores()
    database = Path("mlruns/mlflow.db")
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    connection.commit()
    connection.close()
    before = database.read_bytes()
    fit(repository)
    (said,) = [record.message for record in caplog.records]
    assert "made by a newer MLflow; `bakeoff sync --rebuild` makes it anew" in said
    with pytest.raises(BakeoffError, match="made by a newer MLflow"):
        sync()
    (finding,) = [finding for finding in examine() if finding.topic == "MLflow"]
    assert finding.remedy == "`bakeoff sync --rebuild` makes it anew"
    assert database.read_bytes() == before
    set_aside()
    assert sync().new == ("vgg16",)
