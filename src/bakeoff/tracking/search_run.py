"""A search's run, the parent of its trials' runs."""

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.params.evidence import TrackingParams
from bakeoff.params.found import BEST, COLUMNS, TRIALS
from bakeoff.runtime import journal, layout
from bakeoff.runtime.files import read_json, sha256_of_folder
from bakeoff.runtime.tables import read_csv
from bakeoff.tracking import facts as fact
from bakeoff.tracking import model_run as mirror
from bakeoff.tracking.claims import one_run
from bakeoff.tracking.run_figures import log_figures, search_figures
from bakeoff.tracking.store import Store, locked, open_store, skipping

if TYPE_CHECKING:
    from mlflow.entities import Run

_CONTENT = "bakeoff.search"  # content hash of the folder that the run shows
_METRICS = {
    "cohen_kappa": "validation/cohen_kappa",
    "best_epoch": "best_epoch",
    "epochs": "epochs",
}
_SIDES = ("_train", "_val")  # a search uses no other


def search_folders() -> list[Path]:
    """The folders of searches with trials, sorted by name."""
    return [p.parent for p in sorted(layout.SEARCH.glob(f"*/{BEST}")) if read_json(p)]


def log_search(folder: Path, params: TrackingParams, dataset: str) -> None:
    """Log a search that has just ended, if it had trials. MLflow never makes it raise."""
    best = read_json(folder / BEST)
    if not params.enabled or not best:
        return
    tags = fact.code_tags() | fact.dataset_tags(dataset) | fact.dvc_tags()
    journal.record("runs", str(best["study"]), tags)
    with skipping():
        mirror_search(open_store(dataset), folder)


def mirror_search(store: Store, folder: Path) -> bool:
    """Make sure that the search in `folder` has its runs; returns whether anything was missing.

    The parent is identified by its study, so a continued search keeps its run.
    """
    best, content = read_json(folder / BEST), sha256_of_folder(folder)
    with locked():
        run = one_run(
            store, best["study"], lambda marks: _create(store, folder.name, best["study"], marks)
        )
        if run.data.tags.get(_CONTENT) == content:
            return False
        run_id = str(run.info.run_id)
        _mirror_trials(store, run_id, folder, str(best["study"]))
        store.client.log_artifacts(run_id, str(folder), "search")
        log_figures(store, run_id, search_figures(folder))
        store.client.log_inputs(run_id, _inputs(store))
        scores = {"validation/cohen_kappa": best["cohen_kappa"], "search/trials": best["trials"]}
        mirror.log_metrics(store, run_id, scores)
        note = {fact.NOTE: _describe(folder.name, best), fact.COMPLETE: "true"}
        mirror.log_tags(store, run_id, note | {_CONTENT: content})
        store.client.set_terminated(run_id, "FINISHED")
    return True


def _create(store: Store, model: str, study: str, marks: Mapping[str, str]) -> "Run":
    tags = fact.recorded_tags() | fact.dataset_tags(store.dataset) | journal.lookup("runs", study)
    tags |= {fact.ROLE: "search", fact.MODEL: model}
    name = f"search of {model}"
    return store.client.create_run(store.experiment_id, run_name=name, tags=tags | dict(marks))


def _inputs(store: Store) -> list[Any]:
    return [i for i in fact.split_inputs(store.dataset) if i.dataset.name.endswith(_SIDES)]


def _mirror_trials(store: Store, parent: str, folder: Path, study: str) -> None:
    """Add a child run for each trial without one; finished trials never change."""
    there = {
        run.data.tags[fact.KEY]: run
        for run in mirror.search(store, f"tags.`{fact.PARENT}` = '{parent}'")
    }
    table = read_csv(folder / TRIALS, all_text=True)
    for row in table.to_dict("records"):
        key = hashlib.sha256(f"{study} {row['number']}".encode()).hexdigest()
        run = there.get(key)
        if run is None or run.data.tags.get(fact.COMPLETE) != "true":
            values = {str(name): str(value) for name, value in row.items()}
            marks = {fact.ROLE: "trial", fact.MODEL: folder.name, fact.PARENT: parent}
            _write_trial(store, run, marks | {fact.KEY: key}, values)


def _write_trial(
    store: Store, run: "Run | None", marks: Mapping[str, str], row: Mapping[str, str]
) -> None:
    from mlflow.entities import Metric, Param, RunTag

    if run is None:
        name = f"trial {row['number']}"
        run = store.client.create_run(store.experiment_id, run_name=name, tags=dict(marks))
    now = int(time.time() * 1000)
    metrics = [
        Metric(name, float(row[column]), now, 0) for column, name in _METRICS.items() if row[column]
    ]
    params = [Param(name, value) for name, value in row.items() if name not in COLUMNS]
    tags = [RunTag("state", row["state"]), RunTag(fact.COMPLETE, "true")]
    store.client.log_batch(run.info.run_id, metrics, params, tags)
    store.client.set_terminated(run.info.run_id, "FINISHED")


def _describe(model: str, best: Mapping[str, Any]) -> str:
    """A few lines of Markdown for the run's page."""
    values = "\n".join(f"- `{name}`: {value}" for name, value in sorted(best["values"].items()))
    return (
        f"**Search of {model}**: {best['trials']} trials, the best is trial {best['number']} with "
        f"a validation kappa of {best['cohen_kappa']:.4f}.\n\n{values}\n\n"
        "Each trial is a child of this run; none has seen the test side."
    )
