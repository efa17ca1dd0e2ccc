"""Delete superseded runs, with their artifacts and registered versions."""

import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakeoff.params.found import BEST
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json, sha256_of_folder
from bakeoff.runtime.layout import MODELS
from bakeoff.tracking import facts as fact
from bakeoff.tracking import model_run as mirror
from bakeoff.tracking.comparison_run import NAME_LENGTH
from bakeoff.tracking.reasons import own_uri
from bakeoff.tracking.search_run import search_folders
from bakeoff.tracking.store import Store, locked

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

_PACKAGED = re.compile(r"/models/(m-[0-9a-f]{32})/")  # in the place of a version's files


@dataclass(frozen=True)
class Superseded:
    """A run to delete, and the registered versions that are deleted with it."""

    run_id: str
    name: str
    why: str
    versions: "tuple[ModelVersion, ...]" = ()


def superseded(store: Store, keep: int) -> list[Superseded]:
    """What is not among the newest `keep` finished runs of its model, and what never finished.

    What bears an alias in the registry and what `models/` holds now stay however old they are, and
    so does the last comparison of a kept model. What is still running stays, too.
    Searches are counted like models; their trials stay and go with them.
    """
    present = {sha256_of_folder(folder) for folder in mirror.model_folders(MODELS)}
    present |= {str(read_json(folder / BEST)["study"]) for folder in search_folders()}
    versions, aliased = _versions_by_run(store)
    found: list[Superseded] = []
    old: dict[str, Run] = {}
    kept_names: set[str] = set()  # of comparisons
    trials: dict[str, list[Run]] = defaultdict(list)  # by parent
    ranks: Counter[tuple[str, str]] = Counter()
    for run in reversed(mirror.search(store, "")):  # newest first
        tags, run_id = run.data.tags, str(run.info.run_id)
        if run.info.status in ("FAILED", "KILLED"):
            found.append(Superseded(run_id, str(run.info.run_name), f"it {run.info.status}"))
        elif tags.get(fact.ROLE) == "trial":
            trials[tags[fact.PARENT]].append(run)
        elif run.info.status == "FINISHED" and fact.ROLE in tags:
            what = tags[fact.ROLE], tags.get(fact.MODEL, "")  # empty for comparisons
            ranks[what] += 1
            kept = run_id in aliased or tags.get(fact.KEY) in present
            if ranks[what] > keep and not kept:
                old[run_id] = run
            else:
                kept_names |= set(tags.get(fact.COMPARISONS, "").split()[-1:])
    why = f"older than the newest {keep}"
    gone = [
        r for r in old.values() if r.data.tags.get(fact.KEY, "")[:NAME_LENGTH] not in kept_names
    ]
    gone += [trial for run in gone for trial in trials[run.info.run_id]]
    return found + [
        Superseded(
            run.info.run_id, str(run.info.run_name), why, tuple(versions.get(run.info.run_id, ()))
        )
        for run in gone
    ]


def of_other_models(store: Store, models: Collection[str]) -> list[Superseded]:
    """The runs of models that are not among `models`, with their searches and trials.

    Those of DVC's experiments, and of versions with an alias in the registry, stay.
    """
    versions, aliased = _versions_by_run(store)
    runs = mirror.search(store, "")
    gone = {
        str(run.info.run_id): run
        for run in runs
        if run.data.tags.get(fact.MODEL, "") not in ("", *models)
        and "dvc_experiment" not in run.data.tags
        and run.info.run_id not in aliased
        and run.info.status != "RUNNING"
    }
    gone |= {str(r.info.run_id): r for r in runs if r.data.tags.get(fact.PARENT) in gone}
    why = "params.yaml no longer has its model"
    return [
        Superseded(run_id, str(run.info.run_name), why, tuple(versions.get(run_id, ())))
        for run_id, run in gone.items()
    ]


def _versions_by_run(store: Store) -> "tuple[dict[str, list[ModelVersion]], set[str]]":
    """The registered versions of each run, and the runs with an alias."""
    from mlflow.exceptions import MlflowException

    by_run: dict[str, list[ModelVersion]] = {}
    for version in store.client.search_model_versions(f"name = '{store.dataset}'"):
        by_run.setdefault(str(version.run_id), []).append(version)
    try:
        named = store.client.get_registered_model(store.dataset).aliases.values()
    except MlflowException:  # nothing is registered
        return {}, set()
    numbers = {str(number) for number in named}
    aliased = {run for run, vs in by_run.items() if numbers & {str(v.version) for v in vs}}
    return by_run, aliased


def delete_version(store: Store, version: "ModelVersion") -> None:
    """Delete a registered version and what was packaged for it."""
    packaged = _PACKAGED.search(str(version.source))  # a server does not tell the `model_id`
    store.client.delete_model_version(store.dataset, str(version.version))
    if packaged:
        store.client.delete_logged_model(packaged[1])


def delete(store: Store, runs: list[Superseded]) -> bool:
    """Delete runs; returns whether their artifacts are deleted too.

    A server keeps the artifacts of deleted runs until `mlflow gc` runs beside it.

    Raises:
        BakeoffError: MLflow could not remove the artifacts.
    """
    with locked():
        for run in runs:
            for version in run.versions:
                delete_version(store, version)
            store.client.delete_run(run.run_id)
    if store.uri != own_uri():
        return False
    command = [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", store.uri]
    done = subprocess.run(  # noqa: S603
        [*command, "--run-ids", ",".join(run.run_id for run in runs)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MLFLOW_TRACKING_URI": store.uri},
    )
    if done.returncode:
        raise BakeoffError(f"`mlflow gc` could not remove artifacts: {done.stderr[-300:].strip()}")
    return True
