"""Stores that another MLflow made: real old schemas, built by MLflow's own migrations."""

import logging
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base
from sqlalchemy import create_engine

from bakeoff import tracking
from bakeoff.doctor import examine
from bakeoff.errors import BakeoffError
from bakeoff.params.evidence import TrackingParams
from bakeoff.tracking import mirror
from bakeoff.tracking.store import open_store, own_uri
from bakeoff.tracking.sync import sync
from tests.tiny_repository import forget_stores, write_model

OF_2019 = "2b4d017a5e9b"  # MLflow 1.4: the first model registry
LAST_BUT_ONE = "75868b020152"  # every table of today, columns are missing


def write_store(root: Path, revision: str) -> None:
    """A store at an old schema with one run of the experiment `phantom`."""
    database = root / "mlruns/mlflow.db"
    forget_stores()
    database.unlink()
    engine = create_engine(own_uri())
    Base.metadata.create_all(engine)
    config = _get_alembic_config(own_uri())
    with engine.begin() as connection:
        config.attributes["connection"] = connection
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


@pytest.mark.slow
def test_a_store_that_mlflow_does_not_bring_up_to_date_by_itself(repository, caplog):
    write_store(repository, LAST_BUT_ONE)
    fit(repository)
    (said,) = [r.message for r in caplog.records if r.levelno >= logging.WARNING]
    assert "made by another MLflow; `bakeoff sync` brings it up to date" in said
    (finding,) = [finding for finding in examine() if finding.topic == "MLflow"]
    assert finding.remedy == "`bakeoff sync` brings it up to date"
    sync()
    assert read_names() == ["of old", "vgg16"]
    assert Path("mlruns/mlflow.before-upgrade.db").is_file()


@pytest.mark.slow
def test_a_newer_store_is_left_alone(repository):
    forget_stores()
    database = Path("mlruns/mlflow.db")
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    connection.commit()
    connection.close()
    before = database.read_bytes()
    write_model(repository, "vgg16")
    with pytest.raises(BakeoffError, match="made by a newer MLflow.*sync --rebuild"):
        sync()
    assert database.read_bytes() == before
