"""Tags of a run's origin, the same for all runs, and its data sets."""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bakeoff.runtime import layout
from bakeoff.runtime.files import sha256_of_file, sha256_of_folder
from bakeoff.runtime.git import GitError, git
from bakeoff.runtime.tables import read_csv

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput


KEY = "bakeoff.key"  # content hash of what the run describes
ROLE = "bakeoff.role"  # model | comparison | search | trial
MODEL = "bakeoff.model"
PROCESS = "bakeoff.process"  # host:pid:start of the process that is logging live
COMPLETE = "bakeoff.complete"  # mirrored to the end
NOTE = "mlflow.note.content"
PARENT = "mlflow.parentRunId"  # of a search's trials
COMPARISONS = "comparisons"  # tag of a model: those it takes part in, oldest first
INTERVAL = "accuracy interval"  # tag of a model: of its test accuracy

_DIGEST_LENGTH = 32  # MLflow allows 36
_CONTEXTS = {"train": "training", "val": "validation", "test": "testing"}
_ALLOWED = set("_-. /:")
_CURVES = ("loss", "accuracy", "cohen_kappa", "learning_rate")
_LONGEST = 250  # characters of a name


def metric_name(name: str) -> str:
    """`name` as MLflow allows it; names that differ stay different.

    A character that MLflow refuses becomes an underscore, and a hash of the name is appended.
    """
    allowed = "".join(c if c.isalnum() or c in _ALLOWED else "_" for c in name)
    if allowed == name and len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{allowed[: _LONGEST - 9]}-{digest}"


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested parameters as one level of dotted names; lists stay whole, as JSON."""
    flat: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{name}.")
        else:
            flat[metric_name(name)] = value if isinstance(value, str) else json.dumps(value)
    return {name: value[:500] for name, value in flat.items()}


def numbers(tree: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The numbers of nested metrics, as one level of dotted names; NaN is left out."""
    flat: dict[str, float] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= numbers(value, f"{prefix}{key}.")
        elif isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value):
            flat[metric_name(f"{prefix}{key}")] = float(value)
    return flat


def epoch_metrics(row: Mapping[str, Any]) -> dict[str, float]:
    """One epoch's numbers under the names that every model's run uses.

    Those of both sides that are looked at as curves; all columns are in `history.csv`. The digits
    are those of that file, so that a run that is rebuilt from it says the same.
    """
    return {
        f"epoch/{name}": float(f"{value:.9g}")
        for name, value in numbers(row).items()
        if name.removeprefix("val_") in _CURVES
    }


def _git(*arguments: str) -> str:
    """The output of git; empty where there is none."""
    try:
        return git(*arguments).strip()
    except GitError:
        return ""


def code_tags() -> dict[str, str]:
    """The commit under the working tree and whether the tree differs from it.

    In an experiment that DVC runs elsewhere the commit is the one it started from.
    """
    commit = os.environ.get("DVC_EXP_BASELINE_REV") or _git("rev-parse", "HEAD")
    if not commit:
        return {}
    # DVC writes the lock file while it runs: that alone makes no tree dirty.
    dirty = bool(_git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!dvc.lock"))
    return {"mlflow.source.git.commit": commit, "git_dirty": str(dirty).lower()}


def recorded_tags() -> dict[str, str]:
    """For runs rebuilt from files: the commit that last wrote `dvc.lock`."""
    commit = _git("log", "-1", "--format=%H", "--", "dvc.lock")
    if not commit:
        return code_tags()
    dirty = bool(_git("status", "--porcelain", "--untracked-files=no", "--", "dvc.lock"))
    return {"mlflow.source.git.commit": commit, "git_dirty": str(dirty).lower()}


def dvc_tags() -> dict[str, str]:
    """The DVC stage and experiment that this process runs for, where DVC runs it."""
    stage, experiment = os.environ.get("DVC_STAGE"), os.environ.get("DVC_EXP_NAME")
    tags = stage_tags(stage) if stage else {}
    return tags | ({"dvc_experiment": experiment} if experiment else {})


def run_name(name: str, tags: Mapping[str, str]) -> str:
    """`name`, and the DVC experiment that made the run, as `dvc exp show` lists it."""
    experiment = tags.get("dvc_experiment")
    return f"{name} ({experiment})" if experiment else name


def stage_tags(stage: str) -> dict[str, str]:
    """The stage, also as MLflow's pages show where a run came from."""
    return {"stage": stage, "mlflow.source.name": stage, "mlflow.source.type": "JOB"}


def dataset_tags(dataset: str) -> dict[str, str]:
    """The data set's name and, where the splits lie here, their content hash."""
    fingerprint = sha256_of_folder(layout.SPLITS) if layout.SPLITS.is_dir() else ""
    return {"dataset": dataset} | ({"dataset_fingerprint": fingerprint} if fingerprint else {})


def text_tags(names: Iterable[str], facts: Mapping[str, Any]) -> dict[str, str]:
    """The named facts that are known, as tags."""
    return {name: str(facts[name]) for name in names if facts.get(name) is not None}


def stage_of(model: str, kind: str) -> str:
    """The stage that makes a model, for runs that were not logged by the stage itself."""
    if kind == "forest":
        return f"random_forest@{model}"
    prefix = "logistic_"
    return f"logistic@{model.removeprefix(prefix)}" if kind == "logistic" else f"train@{model}"


def file_kind(path: Path) -> str:
    """The artifact folder of a model's file, the same for every model."""
    made = path.suffix in (".keras", ".skops") or path.name == "metadata.json"
    return "model" if made else "validation"


def commit_link(commit: str) -> dict[str, str]:
    """A web address of `commit`, where the repository's origin has one; without credentials."""
    origin = _git("config", "--get", "remote.origin.url").removesuffix(".git")
    if origin.startswith("git@"):
        origin = "https://" + origin.removeprefix("git@").replace(":", "/", 1)
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return {}
    port = f":{parts.port}" if parts.port else ""
    return {"commit_link": f"https://{parts.hostname}{port}{parts.path}/commit/{commit}"}


def split_inputs(dataset: str) -> "list[DatasetInput]":
    """One input for each existing side of the split, with its fingerprint and counts."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = []
    for side, context in _CONTEXTS.items():
        path = layout.SPLITS / f"{side}.csv"
        if not path.is_file():
            continue
        labels = read_csv(path, all_text=True, usecols=["label"])["label"]
        counts = {str(name): int(n) for name, n in labels.value_counts().sort_index().items()}
        described = Dataset(
            name=f"{dataset}_{side}",
            digest=sha256_of_file(path)[:_DIGEST_LENGTH],
            source_type="local",
            source=json.dumps({"uri": path.as_posix()}),
            profile=json.dumps({"pictures": len(labels), "classes": counts}),
        )
        inputs.append(DatasetInput(described, [InputTag("mlflow.data.context", context)]))
    return inputs
