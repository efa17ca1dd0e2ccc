"""Write a model folder to its MLflow run; idempotent."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bakeoff.runtime import journal
from bakeoff.runtime.files import read_json, sha256_of_folder
from bakeoff.runtime.tables import read_csv
from bakeoff.tracking import facts as fact
from bakeoff.tracking.claims import one_run
from bakeoff.tracking.run_figures import log_figures, model_figures
from bakeoff.tracking.store import Store, locked

if TYPE_CHECKING:
    from mlflow.entities import Run

# Measured facts that are comparable numbers; the comparison's table repeats them, rounded.
COSTS = ("fit_seconds", "peak_memory_mb")
_TAGS_FROM_FACTS = ("device", "threads", "replicas")
_VALIDATED = ("accuracy", "cohen_kappa", "macro_f1", "log_loss")  # of `metrics.json`
# What `metadata.json` says of a model, under the names of `params.yaml`; the parameters of its
# entry keep theirs.
_METADATA_PARAMS = {
    "model": "model",
    "kind": "kind",
    "seed": "seed",
    "mode": "sort.mode",
    "record_side": "tfrecord.image_side",
    "channels": "tfrecord.channels",
    "fit": "tfrecord.fit",
    "equalize": "tfrecord.equalize",
    "n_train": "n_train",
    "n_val": "n_val",
    "best_epoch": "best_epoch",
    "temperature": "temperature",
}


@dataclass(frozen=True)
class ModelFolder:
    """The small files of a model folder."""

    path: Path
    metadata: dict[str, Any]
    metrics: dict[str, float]
    history: pd.DataFrame

    @classmethod
    def read(cls, path: Path) -> "ModelFolder":
        """Read the small files of `models/<model>`; missing ones are empty."""
        metrics, history = path / "metrics.json", path / "history.csv"
        return cls(
            path,
            read_json(path / "metadata.json"),
            fact.numbers(read_json(metrics)) if metrics.is_file() else {},
            read_csv(history) if history.is_file() else pd.DataFrame(),
        )

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self.metadata.get("model", self.path.name))

    @property
    def skipped(self) -> bool:
        """Whether the folder only states why there is no model."""
        return "skipped" in self.metadata


def model_folders(models: Path) -> list[Path]:
    """The folders of `models` that contain a model, sorted by name."""
    found = sorted(p.parent for p in models.glob("*/metadata.json"))
    return [folder for folder in found if not ModelFolder.read(folder).skipped]


def search(store: Store, query: str) -> "list[Run]":
    """Every run of the experiment that `query` finds, oldest first."""
    runs: list[Run] = []
    token: str | None = None
    while True:
        page = store.client.search_runs(
            [store.experiment_id],
            query,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        runs += page
        token = page.token
        if not token:
            return runs


def log_metrics(
    store: Store, run_id: str, metrics: Mapping[str, float], *, step: int | None = None
) -> None:
    """Log the metrics whose latest value differs; with a step, all metrics."""
    from mlflow.entities import Metric

    known = {} if step is not None else store.client.get_run(run_id).data.metrics
    now = int(time.time() * 1000)
    new = [
        Metric(fact.metric_name(name), float(value), now, step or 0)
        for name, value in metrics.items()
        if known.get(name) != value
    ]
    for start in range(0, len(new), 1000):
        store.client.log_batch(run_id, metrics=new[start : start + 1000])


def log_params(store: Store, run_id: str, params: Mapping[str, str]) -> None:
    """Log the parameters that the run does not have yet; MLflow allows no second value."""
    from mlflow.entities import Param

    known = store.client.get_run(run_id).data.params
    new = [Param(name, value) for name, value in params.items() if name not in known]
    for start in range(0, len(new), 100):
        store.client.log_batch(run_id, params=new[start : start + 100])


def log_tags(store: Store, run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags, replacing older values."""
    from mlflow.entities import RunTag

    store.client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])


def log_history(store: Store, run_id: str, history: pd.DataFrame) -> None:
    """Log the epochs that the run does not have yet.

    Some may have been logged live, or by an interrupted sync; an epoch is logged as a whole.
    """
    rows = [fact.numbers({str(k): v for k, v in row.items()}) for row in history.to_dict("records")]
    name = next((n for row in rows for n in fact.epoch_metrics(row)), None)
    if name is None:
        return
    there = {m.step for m in store.client.get_metric_history(run_id, name)}
    for number, row in enumerate(rows, start=1):
        epoch = int(row.pop("epoch", number))
        if epoch not in there:
            log_metrics(store, run_id, fact.epoch_metrics(row), step=epoch)


def write_model(
    store: Store,
    run_id: str,
    folder: Path,
    key: str,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Fill a run from `folder` and the journal; the caller holds the lock."""
    model = ModelFolder.read(folder)
    clocked = journal.lookup("fits", key) | dict(extra or {})
    known = {new: model.metadata.get(old) for old, new in _METADATA_PARAMS.items()}
    params = {name: value for name, value in known.items() if value is not None}
    log_params(store, run_id, fact.flatten(_used(model.metadata.get("params", {})) | params))
    log_history(store, run_id, model.history)
    final = {f"validation/{k}": v for k, v in model.metrics.items() if k in _VALIDATED}
    costs = {name: clocked[name] for name in COSTS if name in clocked}
    final |= {f"cost/{name}": float(f"{v:.6g}") for name, v in fact.numbers(costs).items()}
    log_metrics(store, run_id, final)
    store.client.log_inputs(run_id, fact.split_inputs(store.dataset))
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        store.client.log_artifact(run_id, str(path), fact.file_kind(path))
    log_figures(store, run_id, model_figures(folder))
    tags = weights_tags(model.metadata) | fact.text_tags(("kind", "precision"), model.metadata)
    tags |= fact.text_tags(_TAGS_FROM_FACTS, clocked)
    marks = {fact.KEY: key, fact.NOTE: describe(model, clocked), fact.COMPLETE: "true"}
    log_tags(store, run_id, tags | marks)


def _used(params: Mapping[str, Any]) -> dict[str, Any]:
    """A model's parameters by their keys in `params.yaml`; of an idle fine-tuning its epochs."""
    fine_tune = params.get("fine_tune", {})
    used = dict(params) | ({"fine_tune": {"epochs": 0}} if fine_tune.get("epochs") == 0 else {})
    if "trials" in used:
        used["tune.trials"] = used.pop("trials")
    return used


def weights_tags(metadata: Mapping[str, Any]) -> dict[str, str]:
    """The origin of the backbone's weights as tags."""
    weights = metadata.get("weights") or {}
    found = {
        "weights": weights.get("kind"),
        "weights_origin": weights.get("origin"),
        "weights_sha256": weights.get("sha256"),
    }
    tags = {name: str(value) for name, value in found.items() if value}
    if weights.get("fallback"):
        tags["weights"] += " (fallback)"
    return tags


def describe(model: ModelFolder, clocked: Mapping[str, Any]) -> str:
    """A few lines of Markdown for the run's page."""
    meta = model.metadata
    weights = meta.get("weights") or {}
    lines = [f"**{model.name}** ({meta.get('kind', 'model')})"]
    if meta.get("backbone"):
        origin = weights.get("origin", "unknown origin")
        lines[0] += f": {meta['backbone']} at {meta.get('image_side')} px, weights from {origin}"
    if weights.get("fallback"):
        lines.append("⚠ ImageNet weights could not be had: the backbone is random.")
    shown = [
        f"{k} {model.metrics[k]:.3f}" for k in ("accuracy", "cohen_kappa") if k in model.metrics
    ]
    parts = []
    if shown:
        parts.append(f"Validation: {', '.join(shown)}, on {meta.get('n_val', '?')} pictures.")
    if clocked.get("fit_seconds") is not None:
        parts.append(f"Fitted in {float(clocked['fit_seconds']):.1f} s.")
    lines += [" ".join(parts)] if parts else []
    lines.append(f"Made again by `{_command(model)}`. Files: `model/` loads and predicts.")
    return "\n\n".join(lines)


def _command(model: ModelFolder) -> str:
    return f"dvc repro {fact.stage_of(model.name, str(model.metadata.get('kind', '')))}"


def _create(store: Store, model: ModelFolder, key: str, marks: Mapping[str, str]) -> "Run":
    stage = fact.stage_of(model.name, str(model.metadata.get("kind", "")))
    tags = fact.recorded_tags() | fact.dataset_tags(store.dataset) | fact.stage_tags(stage)
    tags |= journal.lookup("runs", key)
    return store.client.create_run(
        store.experiment_id,
        run_name=fact.run_name(model.name, tags),
        tags=tags | {fact.ROLE: "model", fact.MODEL: model.name, **marks},
    )


def mirror_model(store: Store, folder: Path) -> bool:
    """Make sure that `folder` has a complete run; returns whether anything was missing."""
    key = sha256_of_folder(folder)
    model = ModelFolder.read(folder)
    with locked(key):
        run = one_run(store, key, lambda marks: _create(store, model, key, marks))
        if run.data.tags.get(fact.COMPLETE) == "true":
            return False
        write_model(store, run.info.run_id, folder, key)
        store.client.set_terminated(run.info.run_id, "FINISHED")
    return True
