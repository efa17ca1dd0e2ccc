"""Find, create and lock the MLflow store, with short timeouts."""

import logging
import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from bakeoff.runtime import layout
from bakeoff.tracking.reasons import own_uri, reason_of, shown_uri, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

logger = logging.getLogger(__name__)

_PROBE_SECONDS = 3.0
_BUSY_SECONDS = 5.0
_LOCK_SECONDS = {"store": 10.0}  # that lock is held for moments, others for an upload
_UPLOAD_SECONDS = 120.0
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}

# Training must not wait for a server: MLflow's own defaults wait for minutes.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}

# MLflow's pages then show curves and models, not prompts and traces, and know what is best.
_EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.experiment.primaryMetric.name": "score/accuracy",
    "mlflow.experiment.primaryMetric.greaterIsBetter": "true",
    "mlflow.note.content": "`bakeoff ui` prints the page with the models, best first. DVC's files "
    "are the truth; `bakeoff sync` makes these pages anew from them.",
}


class StoreUnavailableError(Exception):
    """The MLflow store cannot be used; one sentence without credentials states why."""


@dataclass(frozen=True)
class Store:
    """An opened store: its client and the experiment of one data set."""

    client: "MlflowClient"
    uri: str
    experiment_id: str
    dataset: str


def probe(uri: str) -> None:
    """Raise `StoreUnavailableError` unless the host behind `uri` accepts a connection.

    MLflow would retry an unresponsive host for minutes; a plain connection fails within seconds.
    """
    try:
        parts = urlsplit(uri)
        given = parts.port
    except ValueError as error:
        raise StoreUnavailableError(
            f"MLFLOW_TRACKING_URI, {shown_uri(uri)}, is no address ({error}); it reads like "
            "http://host:5000"
        ) from None
    if not parts.hostname:
        return
    port = given or _PORTS.get(parts.scheme.partition("+")[0])
    if port is None:
        return
    try:
        socket.create_connection((parts.hostname, port), _PROBE_SECONDS).close()
    except OSError as error:
        raise StoreUnavailableError(f"{shown_uri(uri)} does not answer ({error})") from None


@contextmanager
def locked(what: str = "store") -> Iterator[None]:
    """Hold a lock that makes "check, then create" atomic.

    Uploads share sixteen locks by content, so uploads of different models rarely wait for each
    other.
    """
    path = layout.mlruns() / "locks" / (what if what in ("store", "registry") else what[:1])
    path.parent.mkdir(parents=True, exist_ok=True)
    seconds = _LOCK_SECONDS.get(what, _UPLOAD_SECONDS)
    try:
        with FileLock(path, timeout=seconds):
            yield
    except Timeout:
        raise StoreUnavailableError(
            f"{path} has been locked by another process for {seconds:.0f} s"
        ) from None


def connect(uri: str | None = None) -> "MlflowClient":
    """A client of the store; a missing database is created under the lock.

    Raises:
        StoreUnavailableError: the host does not respond, or MLflow refuses the store.
    """
    uri = tracking_uri() if uri is None else uri
    probe(uri)
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        with locked():
            if uri == own_uri():
                _check_not_locked(layout.mlruns() / "mlflow.db")
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            client.search_experiments(max_results=1)  # opens the database now
    except StoreUnavailableError:
        raise
    except Exception as error:  # MLflow, SQLAlchemy or a driver may raise anything
        raise StoreUnavailableError(reason_of(error, uri)) from None
    return client


def _check_not_locked(database: Path) -> None:
    """Say within seconds that another process holds the database; MLflow would try for a minute.

    Raises:
        StoreUnavailableError: it is locked, or is no database.
    """
    if not database.is_file():
        return
    try:
        with closing(sqlite3.connect(database, timeout=_BUSY_SECONDS)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except sqlite3.Error as error:
        raise StoreUnavailableError(f"mlruns/mlflow.db cannot be used ({error})") from None


@contextmanager
def skipping(meanwhile: str = "", failed: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Skip the rest of the block with one line of warning, and call `failed`, if MLflow fails."""
    try:
        yield
    except Exception as error:  # MLflow, SQLAlchemy or a driver may raise anything
        logger.debug("MLflow", exc_info=True)
        reason = str(error) if isinstance(error, StoreUnavailableError) else reason_of(error)
        logger.warning("MLflow is skipped (%s);%s run `bakeoff sync` later", reason, meanwhile)
        failed()


def open_store(dataset: str) -> Store:
    """Open the store with the experiment named after the data set; create it if missing.

    Raises:
        StoreUnavailableError: the host does not respond, or the folder was moved.
    """
    uri = tracking_uri()
    client = connect(uri)
    with locked():
        experiment = client.get_experiment_by_name(dataset)
        if experiment is None:
            experiment = _create_experiment(client, uri, dataset)
        elif experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment.experiment_id)
    moved = experiment.artifact_location != _artifact_location(uri, dataset)
    if uri == own_uri() and moved:
        raise StoreUnavailableError(
            f"mlruns/ was filled at another place, {experiment.artifact_location}; "
            "`bakeoff sync --rebuild` makes a new store here"
        )
    return Store(client, uri, experiment.experiment_id, dataset)


def _create_experiment(client: "MlflowClient", uri: str, dataset: str) -> "Experiment":
    from mlflow.exceptions import MlflowException

    try:
        client.create_experiment(dataset, _artifact_location(uri, dataset), _EXPERIMENT_TAGS)
    except MlflowException as error:  # on a server another host may have made it just now
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    made = client.get_experiment_by_name(dataset)
    assert made is not None  # noqa: S101
    return made


def _artifact_location(uri: str, dataset: str) -> str | None:
    """Where a new experiment's artifacts go; a server decides it, a plain database cannot."""
    if urlsplit(uri).scheme in ("http", "https", "databricks"):
        return None
    return (layout.mlruns() / "artifacts" / dataset).as_uri()
