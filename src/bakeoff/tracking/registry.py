"""The model registry: the best model is the challenger; the gate decides on the champion."""

import hashlib
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluate.outcomes import Outcomes
from bakeoff.evaluate.promotion import judge
from bakeoff.params.evidence import EvaluateParams
from bakeoff.pictures.picture_error import PictureError
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import sha256_of_folder
from bakeoff.scoring.predictions import read_predictions
from bakeoff.tracking import facts as fact
from bakeoff.tracking.claims import find
from bakeoff.tracking.comparison_run import ComparisonFiles
from bakeoff.tracking.gate import (
    champion_predictions,
    folded_outcomes,
    group_numbers,
    leaking_images,
    write_training_images,
)
from bakeoff.tracking.package import PACKAGE
from bakeoff.tracking.prune import delete_version
from bakeoff.tracking.store import Store, locked

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

CHALLENGER, CHAMPION = "challenger", "champion"
_GATE = "gate"  # why the version is or is not the champion
_LOOK = "gate_look"  # number of the challenger, counted from 1
_CONTEST = "gate_contest"  # against which champion, on which pictures
_SHOWN = ("accuracy", "accuracy_low", "accuracy_high", "cohen_kappa", "macro_f1", "n_test")


@dataclass(frozen=True)
class Registered:
    """State of the registry after the gate."""

    name: str
    version: str
    reason: str


@dataclass(frozen=True)
class Contest:
    """The challenger and the rules of the test."""

    comparison: ComparisonFiles
    models: Path
    best: str  # the challenger's name
    params: EvaluateParams


def register_best(
    store: Store, comparison: ComparisonFiles, models: Path, params: EvaluateParams
) -> Registered | None:
    """Register the comparison's best model, if it is new, and put it through the gate.

    None if no compared model can be served.
    """
    from mlflow.exceptions import MlflowException

    best = _best_servable(comparison, models)
    if best is None:
        return None
    contest = Contest(comparison, models, best, params)
    with locked("registry"):
        _ensure_registered_model(store)
        version = _find(store, comparison.keys[best])
        if version is None:
            version = _register(store, contest)
            first = _find(store, comparison.keys[best]) or version
            if str(first.version) != str(version.version):
                with suppress(MlflowException):  # not every account may delete; it has no alias
                    delete_version(store, version)
                reason = "was registered by another host at the same time, which judges it"
                return Registered(store.dataset, str(first.version), reason)
        store.client.set_registered_model_alias(store.dataset, CHALLENGER, version.version)
        return _gate(store, contest, version)


def _best_servable(comparison: ComparisonFiles, models: Path) -> str | None:
    from bakeoff.serve.predictor import can_predict

    names = [str(n) for n in comparison.table["model"] if str(n) in comparison.keys]
    return next((name for name in names if can_predict(models / name)), None)


def _ensure_registered_model(store: Store) -> None:
    from mlflow.exceptions import MlflowException

    try:
        store.client.get_registered_model(store.dataset)
    except MlflowException:
        text = f"Tells what a picture of the data set {store.dataset} shows."
        with suppress(MlflowException):  # on a server another host may have made it just now
            store.client.create_registered_model(store.dataset, description=text)


def _find(store: Store, key: str) -> "ModelVersion | None":
    """The version with the model of content `key`."""
    versions = store.client.search_model_versions(f"name = '{store.dataset}'")
    same = [v for v in versions if v.tags.get(fact.KEY) == key]
    return min(same, key=lambda version: int(version.version), default=None)


def _register(store: Store, contest: Contest) -> "ModelVersion":
    from bakeoff.serve.mlflow_model import package_model, packaged_folder

    best, key = contest.best, contest.comparison.keys[contest.best]
    run = find(store, key)
    run_id = None if run is None else str(run.info.run_id)
    row = contest.comparison.row(best)
    tags = _version_tags(best, key, row, {} if run is None else run.data.tags)
    logged = store.client.create_logged_model(
        store.experiment_id, name=best, source_run_id=run_id, tags=tags, model_type="classifier"
    )
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "package"
        package_model(contest.models / best, package, model_id=logged.model_id)
        write_training_images(package)
        tags |= {PACKAGE: sha256_of_folder(packaged_folder(package))}
        store.client.log_model_artifacts(logged.model_id, str(package))
    store.client.finalize_logged_model(logged.model_id, "READY")
    return store.client.create_model_version(
        store.dataset,
        source=logged.artifact_location,  # `models:/` would be looked up in the global store
        run_id=run_id,
        tags=tags,
        description=_description(best, tags),
        model_id=logged.model_id,
    )


def _version_tags(
    model: str, key: str, row: Mapping[str, Any], run_tags: Mapping[str, str]
) -> dict[str, str]:
    """Tags of the version's page: the model, its test scores, and the commit."""
    tags = {"model": model}
    numbers = fact.numbers(row)
    tags |= {name: f"{numbers[name]:.4g}" for name in _SHOWN if name in numbers}
    commit = run_tags.get("mlflow.source.git.commit")
    if commit:
        tags |= {"commit": commit} | fact.commit_link(commit)
    tags |= fact.text_tags(("git_dirty", "weights_origin", "dataset_fingerprint"), run_tags)
    return tags | {fact.KEY: key}


def _description(model: str, tags: Mapping[str, str]) -> str:
    commit = tags.get("commit_link") or tags.get("commit", "unknown")
    low, high = tags.get("accuracy_low", "?"), tags.get("accuracy_high", "?")
    return (
        f"{model}: accuracy {tags.get('accuracy', '?')} ({low} to {high}) on "
        f"{tags.get('n_test', '?')} test pictures. Commit {commit}. "
        "Takes bytes or base64 of JPEG or PNG, or arrays; see docs/mlflow.md."
    )


def _gate(store: Store, contest: Contest, version: "ModelVersion") -> Registered:
    """Decide whether `version` becomes the champion, and record the reason."""
    number = str(version.version)
    champion = version_with(store, CHAMPION)
    if champion is not None and str(champion.version) == number:
        return Registered(store.dataset, number, champion.tags.get(_GATE, ""))
    if champion is None:
        promoted, reason = True, "the first version"
    else:
        promoted, reason = _against(store, contest, version, champion)
        reason += f", against version {champion.version} ({champion.tags.get('model', '?')})"
    if promoted:
        store.client.set_registered_model_alias(store.dataset, CHAMPION, number)
    text = f"{'promoted' if promoted else 'not promoted'}: {reason}"
    store.client.set_model_version_tag(store.dataset, number, _GATE, text)
    about = _description(version.tags.get("model", "?"), version.tags)
    store.client.update_model_version(store.dataset, number, f"{about}\n\nThe gate: {text}.")
    return Registered(store.dataset, number, text)


def version_with(store: Store, alias: str) -> "ModelVersion | None":
    """The registered version with `alias`, if any."""
    from mlflow.exceptions import MlflowException

    try:
        return store.client.get_model_version_by_alias(store.dataset, alias)
    except MlflowException:
        return None


def _against(
    store: Store, contest: Contest, version: "ModelVersion", champion: "ModelVersion"
) -> tuple[bool, str]:
    """The paired test of the newcomer and the champion: in folds, or on today's test side."""
    comparison = contest.comparison
    try:
        outcomes = folded_outcomes(store, comparison, champion, contest.best)
        if outcomes is None and leaking_images(comparison.reports):
            return False, "the test side leaks from training, so nothing is concluded from it"
        outcomes = outcomes or _tested(store, contest, champion)
    except (OSError, KeyError, PictureError, BakeoffError) as error:
        return False, f"the champion could not be scored on today's pictures ({error})"
    if outcomes is None:
        return False, "the champion has other classes, so the two cannot be compared"
    scored = read_predictions(comparison.reports / "predictions" / f"{contest.best}.csv")
    champion_key = champion.tags.get(fact.KEY)
    promotion = judge(
        outcomes,
        candidates=max(1, sum(key != champion_key for key in comparison.keys.values())),
        look=_look(store, version, champion, scored.image_ids),
        confidence=contest.params.confidence,
        margin=contest.params.promote_margin,
    )
    return promotion.promoted, promotion.reason


def _tested(store: Store, contest: Contest, champion: "ModelVersion") -> Outcomes | None:
    """Both on the test pictures that neither saw; None where they know other classes."""
    reports = contest.comparison.reports
    newcomer = read_predictions(reports / "predictions" / f"{contest.best}.csv")
    rival = champion_predictions(store, contest.comparison, champion, newcomer)
    if rival is None:
        return None
    newcomer = newcomer.only(np.isin(newcomer.image_ids, rival.image_ids))
    right = np.stack([newcomer.right, rival.right])[None]
    return Outcomes(("newcomer", "champion"), right, group_numbers(newcomer.image_ids))


def _look(
    store: Store, version: "ModelVersion", champion: "ModelVersion", image_ids: NDArray[np.str_]
) -> int:
    """Which newcomer this is; the same contest again is no new look."""
    pictures = hashlib.sha256("\n".join(image_ids).encode()).hexdigest()[:16]
    contest = f"{champion.version} {pictures}"
    if version.tags.get(_CONTEST) == contest:
        return int(version.tags[_LOOK])
    versions = store.client.search_model_versions(f"name = '{store.dataset}'")
    look = 1 + max((int(v.tags.get(_LOOK, 0)) for v in versions), default=0)
    store.client.set_model_version_tag(store.dataset, version.version, _LOOK, str(look))
    store.client.set_model_version_tag(store.dataset, version.version, _CONTEST, contest)
    return look
