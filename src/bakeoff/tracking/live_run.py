"""Log a fit while it runs; the fit continues if MLflow is missing, slow or fails.

To import MLflow and open the store takes longer than many heads on cached features train. A fit may
therefore be patient: one that ends sooner is only noted, and the report logs it.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from bakeoff.params.evidence import TrackingParams
from bakeoff.runtime import journal
from bakeoff.runtime.files import sha256_of_folder
from bakeoff.tracking import facts as fact
from bakeoff.tracking import model_run as mirror
from bakeoff.tracking.claims import claim, is_dead, process_mark
from bakeoff.tracking.store import Store, locked, open_store, skipping

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

logger = logging.getLogger(__name__)

_MEANWHILE = " training continues;"


def end_dead_runs(store: Store) -> int:
    """Mark the runs of dead processes as KILLED; returns their number."""
    dead = [
        run.info.run_id
        for run in mirror.search(store, "attributes.status = 'RUNNING'")
        if is_dead(run.data.tags.get(fact.PROCESS, ""))
    ]
    for run_id in dead:
        store.client.set_terminated(run_id, "KILLED")
    return len(dead)


def watch_system(store: Store, run_id: str) -> "SystemMetricsMonitor":
    """Start logging processor, memory, disk, network and GPU, as means over ten seconds."""
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    logging.getLogger("mlflow.system_metrics").setLevel(logging.ERROR)
    monitor = SystemMetricsMonitor(
        run_id, sampling_interval=2, samples_before_logging=5, tracking_uri=store.uri
    )
    monitor.start()
    return monitor


def _tags(model: str, kind: str, dataset: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Tags of a fit's origin, and further facts."""
    stage = fact.stage_tags(fact.stage_of(model, kind)) | fact.dvc_tags()
    return fact.code_tags() | fact.dataset_tags(dataset) | stage | {"kind": kind} | dict(tags)


def note_fit(model_folder: Path, kind: str, dataset: str, tags: Mapping[str, str]) -> None:
    """Record the origin of a fit that takes seconds; the report logs it to MLflow later.

    Opening the store would take longer than such a fit.
    """
    recorded = _tags(model_folder.name, kind, dataset, tags)
    journal.record("runs", sha256_of_folder(model_folder), recorded)


def stop_watching(monitor: "SystemMetricsMonitor") -> None:
    """Stop, and log the samples since the last mean, which MLflow would drop."""
    monitor.finish()
    try:
        monitor.collect_metrics()
        monitor.publish_metrics(monitor.aggregate_metrics())
        monitor.mlflow_logger.flush()
    except Exception:  # no error of MLflow may stop the fit
        logger.debug("system metrics", exc_info=True)


class LiveRun:
    """One fit's run. An error of MLflow never makes its methods raise."""

    def __init__(
        self, model: str, kind: str, dataset: str, tags: Mapping[str, str], patience: float
    ) -> None:
        """Make a run that logs nothing until it is opened, and then waits `patience` seconds."""
        self.model = model
        self._patience = patience
        self._began = perf_counter()
        self._waiting: list[tuple[int, Mapping[str, float]]] | None = []  # None: it is created
        self._kind = kind
        self._dataset = dataset
        self._tags = dict(tags)
        self._store: Store | None = None
        self._run: Run | None = None
        self._wanted = False
        self._finished = False
        self._system_metrics = False
        self._monitor: SystemMetricsMonitor | None = None

    def open(self, params: TrackingParams) -> None:
        """Create the run, at once or after the first epoch that ends later than `patience`."""
        if not params.enabled:
            return
        self._tags = _tags(self.model, self._kind, self._dataset, self._tags)
        self._wanted = True
        self._system_metrics = params.system_metrics
        if not self._patience or params.system_metrics:
            self._open_store()

    def _open_store(self) -> None:
        with skipping(_MEANWHILE):
            self._store = open_store(self._dataset)
        self._attempt(self._create)
        waiting, self._waiting = self._waiting or [], None
        for epoch, metrics in waiting:
            self.log_epoch(epoch, metrics)

    def _create(self, store: Store) -> None:
        end_dead_runs(store)
        marks = {fact.ROLE: "model", fact.MODEL: self.model, fact.PROCESS: process_mark()}
        name = fact.run_name(self.model, self._tags)
        self._run = store.client.create_run(
            store.experiment_id, run_name=name, tags=self._tags | marks
        )
        if self._system_metrics:
            self._monitor = watch_system(store, self._run.info.run_id)

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Log one epoch's metrics, named as in `history.csv`, at the step `epoch`."""
        if self._waiting is not None and self._wanted:
            self._waiting.append((epoch, metrics))
            if perf_counter() - self._began >= self._patience:
                self._open_store()
            return

        def log(store: Store) -> None:
            assert self._run is not None  # noqa: S101
            mirror.log_metrics(
                store, self._run.info.run_id, fact.epoch_metrics(metrics), step=epoch
            )

        self._attempt(log)

    def finish(self, model_folder: Path, facts: Mapping[str, Any]) -> None:
        """Log the finished model folder; a model that has a run already gets no second one."""
        self._stop_watching()
        if not self._wanted:
            return
        key = sha256_of_folder(model_folder)
        journal.record("runs", key, self._tags)  # so that a rebuilt store has the same tags

        def write(store: Store) -> None:
            assert self._run is not None  # noqa: S101
            run_id = self._run.info.run_id
            with locked(key):
                if not claim(store, run_id, key):
                    return
                mirror.write_model(store, run_id, model_folder, key, facts)
                store.client.set_terminated(run_id, "FINISHED")

        self._attempt(write)
        self._finished = True

    def close(self, status: str) -> None:
        """End a run that did not finish."""
        self._stop_watching()
        if status == "FAILED" and self._wanted and self._waiting is not None and not self._finished:
            self._open_store()
        run = self._run
        if run is not None and not self._finished:
            self._attempt(lambda store: store.client.set_terminated(run.info.run_id, status))

    def _stop_watching(self) -> None:
        if self._monitor is not None:
            stop_watching(self._monitor)
            self._monitor = None

    def _attempt(self, step: Callable[[Store], None]) -> None:
        """Run `step`; on an error stop using MLflow for the rest of this fit."""
        if self._store is not None:
            with skipping(_MEANWHILE, failed=self._forget_store):
                step(self._store)

    def _forget_store(self) -> None:
        self._store = None


@contextmanager
def live_run(
    model: str,
    kind: str,
    params: TrackingParams,
    dataset: str,
    tags: Mapping[str, str],
    *,
    patience: float = 0.0,
) -> Iterator[LiveRun]:
    """A run in MLflow for the fit inside the `with` block.

    MLflow never makes it raise: an unreachable store causes one line of warning. An error in the
    block ends the run as FAILED, an interruption as KILLED. A fit that ends, or is interrupted,
    within `patience` seconds is not logged here.
    """
    run = LiveRun(model, kind, dataset, tags, patience)
    run.open(params)
    try:
        yield run
    except KeyboardInterrupt:
        run.close("KILLED")
        raise
    except BaseException:
        run.close("FAILED")
        raise
    else:
        run.close("FAILED")
