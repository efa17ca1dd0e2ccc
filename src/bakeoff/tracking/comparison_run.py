"""The run of a comparison, and what it says of each model in the model's own run."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pandas as pd

from bakeoff.params.block import PARAMS, read_yaml
from bakeoff.runtime import journal, layout
from bakeoff.runtime.addresses import without_secrets
from bakeoff.runtime.files import read_json, sha256_of_file, sha256_of_folder
from bakeoff.runtime.tables import read_csv
from bakeoff.tracking import facts as fact
from bakeoff.tracking import model_run as mirror
from bakeoff.tracking.claims import find, one_run
from bakeoff.tracking.store import Store, locked
from bakeoff.tracking.view import set_views

if TYPE_CHECKING:
    from mlflow.entities import Run

# What the table says of a model and a run repeats, by group; all of it is in `comparison.csv`.
_SCORES = (
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "balanced_accuracy",
    "cohen_kappa",
    "macro_f1",
    "macro_auc",
    "log_loss",
    "brier",
)
_COSTS = (*mirror.COSTS, "predict_ms", "parameters", "megabytes")
_TEST = "test_"  # what a column of the exported model's own scores begins with
_AT_ROOT = {"plots/confusion.png": "confusion_matrix.png"}  # there MLflow's Compare shows it
NAME_LENGTH = 8  # of a comparison's key, in the tag of its models
_TESTED = "bakeoff.tested"  # content hash of the test files that the run shows
_REPORTS = "bakeoff.reports"  # content hash of the reports that the run shows


@dataclass(frozen=True)
class ComparisonFiles:
    """The files of the evaluation and the compared models."""

    reports: Path
    table: pd.DataFrame  # comparison.csv, best first
    keys: Mapping[str, str]  # model -> content hash of its folder
    params: Mapping[str, Any]  # the whole of params.yaml
    verdict: Sequence[str] = ()  # the conclusions in evidence.json

    @classmethod
    def read(cls, reports: Path, models: Path, params: Path = PARAMS) -> "ComparisonFiles":
        """Read the comparison in `reports`."""
        table = read_csv(reports / "comparison.csv")
        names = {mirror.ModelFolder.read(f).name: f for f in mirror.model_folders(models)}
        compared = [str(name) for name in table["model"] if name in names]
        keys = {name: sha256_of_folder(names[name]) for name in compared}
        given = read_yaml(params) if params.is_file() else {}
        numbers = reports / "evidence.json"
        verdict = read_json(numbers)["verdict"] if numbers.is_file() else ()
        return cls(reports, table, keys, given, verdict)

    @property
    def key(self) -> str:
        """Hash of the comparison: equal for the same models on the same pictures."""
        predictions = self.reports / "predictions"
        judged = sha256_of_folder(predictions) if predictions.is_dir() else ""
        text = json.dumps([self.keys, judged, self.params], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def name(self) -> str:
        """The beginning of the key, which the tags of its models hold."""
        return self.key[:NAME_LENGTH]

    def row(self, model: str) -> dict[str, Any]:
        """The table's row of one model."""
        found = self.table.set_index("model").loc[model].to_dict()
        return {str(name): value for name, value in found.items()}


def mirror_comparison(store: Store, comparison: ComparisonFiles) -> str:
    """Write the comparison's run and the test side of its models; returns its identifier.

    The runs of the models stand beside it, not under it: MLflow knows one parent, and a model may
    take part in several comparisons. Their tag `comparisons` names all of them.
    """
    elsewhere = Path.cwd().resolve() != layout.repository_root()
    with locked(comparison.key):
        run = one_run(store, comparison.key, lambda marks: _create(store, comparison, marks))
        run_id = str(run.info.run_id)
        if run.data.tags.get(fact.COMPLETE) != "true":
            _fill(store, run_id, comparison)
        _show_reports(store, run, comparison)
        for name, key in comparison.keys.items():
            model = find(store, key)
            if model is not None:
                _show_test_side(store, model, name, comparison)
        if run.info.status != "FINISHED":
            store.client.set_terminated(run_id, "FINISHED")
    set_views(store, None if elsewhere else comparison.name)
    return run_id


def _create(store: Store, comparison: ComparisonFiles, marks: Mapping[str, str]) -> "Run":
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    tags = (
        fact.code_tags()
        | fact.dataset_tags(store.dataset)
        | fact.stage_tags("evaluate")
        | fact.dvc_tags()
        | {"compared": now}
    )
    tags |= journal.lookup("runs", comparison.key)
    journal.record("runs", comparison.key, tags)  # so that a rebuilt store has the same tags
    name = fact.run_name(f"comparison of {store.dataset}, {tags['compared']}", tags)
    return store.client.create_run(
        store.experiment_id, run_name=name, tags=tags | {fact.ROLE: "comparison", **marks}
    )


def _fill(store: Store, run_id: str, comparison: ComparisonFiles) -> None:
    """Parameters, data sets, the best model's name, and the description.

    The parameters of models are those of their runs, and stand in `params.yaml` beside the report.
    """
    table = comparison.table
    given = {k: v for k, v in comparison.params.items() if k not in ("models", "defaults")}
    mirror.log_params(store, run_id, fact.flatten(given))
    store.client.log_inputs(run_id, fact.split_inputs(store.dataset))
    trained = table[table["kind"] != "majority"]
    best = {"best_model": str(trained["model"].iloc[0])} if len(trained) else {}
    text = describe(comparison.verdict, table)
    mirror.log_tags(store, run_id, best | {fact.NOTE: text, fact.COMPLETE: "true"})


def _show_reports(store: Store, run: "Run", comparison: ComparisonFiles) -> None:
    """Upload `reports/` again if its content changed (timings can change with equal models)."""
    content = sha256_of_folder(comparison.reports)
    if run.data.tags.get(_REPORTS) != content:
        store.client.log_artifacts(run.info.run_id, str(comparison.reports), "reports")
        if PARAMS.is_file():
            text = without_secrets(PARAMS.read_text(encoding="utf-8"))
            store.client.log_text(run.info.run_id, text, PARAMS.name)
        store.client.set_tag(run.info.run_id, _REPORTS, content)


def _show_test_side(store: Store, run: "Run", name: str, comparison: ComparisonFiles) -> None:
    """Log what a comparison says of a model in the model's run."""
    run_id, row = str(run.info.run_id), comparison.row(name)
    clocked = {f"cost/{cost}" for cost in mirror.COSTS} & set(run.data.metrics)
    tested = tested_metrics(row)
    mirror.log_metrics(store, run_id, {k: v for k, v in tested.items() if k not in clocked})
    files = tested_files(comparison.reports, name)
    digests = [(target, sha256_of_file(path)) for target, path in sorted(files.items())]
    content = hashlib.sha256(json.dumps(digests).encode()).hexdigest()
    if run.data.tags.get(_TESTED) != content:
        for target, path in files.items():
            with path.open("rb") as stream:
                store.client.log_stream(run_id, stream, target)
    earlier = [c for c in run.data.tags.get(fact.COMPARISONS, "").split() if c != comparison.name]
    tags = {
        fact.COMPARISONS: " ".join([*earlier, comparison.name]),
        fact.NOTE: _with_test_side(run.data.tags.get(fact.NOTE, ""), tested),
        _TESTED: content,
    }
    if row.get("weights") and isinstance(row["weights"], str):
        tags["weights"] = row["weights"]
    low, high = tested.get("score/accuracy_low"), tested.get("score/accuracy_high")
    if low is not None and high is not None:
        tags[fact.INTERVAL] = f"{low:.3f} to {high:.3f}"
    new = {k: v for k, v in tags.items() if run.data.tags.get(k) != v}
    if new:
        mirror.log_tags(store, run_id, new)


def _with_test_side(note: str, tested: Mapping[str, float]) -> str:
    """A run's description with the test scores in its second line."""
    first, *lines = [line for line in note.split("\n\n") if not line.startswith("Score:")]
    accuracy, kappa = tested.get("score/accuracy"), tested.get("score/cohen_kappa")
    low, high = tested.get("score/accuracy_low"), tested.get("score/accuracy_high")
    if accuracy is None:
        return note
    summary = f"Score: accuracy {accuracy:.3f}"
    summary += "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"
    summary += "." if kappa is None else f", cohen_kappa {kappa:.3f}."
    return "\n\n".join([first, summary, *lines])


def tested_metrics(row: Mapping[str, Any]) -> dict[str, float]:
    """A row of the comparison as metrics: `score/<score>`, `test/<score>` and `cost/<cost>`.

    A `score` is what conclusions rest on: in folds where there are folds, else on the test side.
    `test` is the model's own score on the test side.
    """
    found = {}
    for name, value in fact.numbers(row).items():
        if name in _SCORES:
            found[f"score/{name}"] = value
        elif name in _COSTS:
            found[f"cost/{name}"] = value
        elif name.removeprefix(_TEST) in _SCORES:
            found[f"test/{name.removeprefix(_TEST)}"] = value
    return found


def tested_files(reports: Path, model: str) -> dict[str, Path]:
    """The files of `reports` about one model, by names that all models share.

    A file belongs to a model if its stem, or a folder above it, is the model's name:
    `predictions/vgg16.csv` becomes `test/predictions.csv`. The confusion matrix stands at the root.
    """
    found: dict[str, Path] = {}
    for path in sorted(p for p in reports.rglob("*") if p.is_file()):
        inner = PurePosixPath(path.relative_to(reports).as_posix())
        folders = list(inner.parts[:-1])
        if model in folders:
            folders.remove(model)
            found[str(PurePosixPath("test", *folders, inner.name))] = path
        elif inner.stem == model and folders:
            shared = str(PurePosixPath(*folders).with_suffix(inner.suffix))
            found[_AT_ROOT.get(shared, f"test/{shared}")] = path
    return found


def describe(verdict: Sequence[str], table: pd.DataFrame) -> str:
    """The conclusions, then the comparison as a Markdown table, for the run's page."""
    columns = [c for c in ("model", "weights", "accuracy", "cohen_kappa", "macro_f1") if c in table]
    if {"accuracy", "accuracy_low", "accuracy_high"} <= set(table):
        columns.insert(columns.index("accuracy") + 1, "interval")
        low, high = table["accuracy_low"], table["accuracy_high"]
        spans = [f"{a:.3f} to {b:.3f}" for a, b in zip(low, high, strict=True)]
        table = table.assign(interval=spans)
    lines = [" | ".join(columns), " | ".join("---" for _ in columns)]
    for row in table[columns].astype(object).fillna("").to_dict("records"):
        cells = [f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()]
        lines.append(" | ".join(cells))
    bold = [f"**{sentence}**" for sentence in verdict[:1]]
    listed = ["\n".join(f"- {sentence}" for sentence in verdict[1:])] if verdict[1:] else []
    note = "Best first. The models' runs stand beside this one."
    return "\n\n".join([*bold, *listed, note, "\n".join(f"| {line} |" for line in lines)])
