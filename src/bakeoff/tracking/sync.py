"""Log models, searches, their comparison and the champion; all from DVC's files and the journal."""

import logging
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bakeoff.params.block import read_key
from bakeoff.params.evidence import EvaluateParams, TrackingParams
from bakeoff.runtime import layout
from bakeoff.runtime.dvc import locked_dataset
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import sha256_of_folder
from bakeoff.tracking import facts as fact
from bakeoff.tracking import model_run as mirror
from bakeoff.tracking.claims import find
from bakeoff.tracking.comparison_run import ComparisonFiles, mirror_comparison
from bakeoff.tracking.live_run import end_dead_runs
from bakeoff.tracking.package import registered_folder
from bakeoff.tracking.prune import Superseded, delete, of_other_models, superseded
from bakeoff.tracking.reasons import own_uri, reason_of, tracking_uri
from bakeoff.tracking.registry import CHAMPION, register_best, version_with
from bakeoff.tracking.search_run import mirror_search, search_folders
from bakeoff.tracking.store import (
    Store,
    StoreUnavailableError,
    locked,
    open_store,
    skipping,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Synced:
    """Result of a sync."""

    models: int
    new: tuple[str, ...]  # models whose run was missing or incomplete
    killed: int  # open runs of dead processes
    registry: str  # the gate's sentence about the best model; empty without a comparison


def sync(models: Path = layout.MODELS, reports: Path = layout.REPORTS) -> Synced:
    """Make the store show the content of the files; idempotent.

    Raises:
        BakeoffError: there is nothing to log, or the store cannot be used.
    """
    folders = mirror.model_folders(models)
    if not folders:
        raise BakeoffError(
            f"{models}/ contains no model; run `dvc repro`, or `dvc pull` on a clone"
        )
    with _store_errors_reported():
        store = open_store(recorded_dataset())
        killed = end_dead_runs(store)
        new = tuple(folder.name for folder in folders if mirror.mirror_model(store, folder))
        for folder in search_folders():
            mirror_search(store, folder)
        summary = ""
        if (reports / "comparison.csv").is_file():
            summary = log_and_register(store, reports, models)
    return Synced(len(folders), new, killed, summary)


def log_comparison(reports: Path, models: Path, params: TrackingParams) -> None:
    """Log the comparison and its missing models, and put the best model through the gate.

    MLflow never makes it raise: an unreachable store causes one line of warning.
    """
    if not params.enabled:
        return
    with skipping():
        store = open_store(str(read_key("dataset")))
        for folder in mirror.model_folders(models):
            mirror.mirror_model(store, folder)
        for folder in search_folders():
            mirror_search(store, folder)
        logger.info("registry: %s", log_and_register(store, reports, models) or "nothing to serve")


def log_and_register(store: Store, reports: Path, models: Path) -> str:
    """Log the comparison and put its best model through the gate; returns the gate's sentence."""
    comparison = ComparisonFiles.read(reports, models)
    mirror_comparison(store, comparison)
    params = EvaluateParams.read("evaluate")
    registered = register_best(store, comparison, models, params)
    if registered is None:
        return ""
    return f"version {registered.version} of {registered.name} {registered.reason}"


def prunable(keep: int) -> list[Superseded]:
    """Superseded runs; BakeoffError if the store cannot be used."""
    return superseded(_reachable(), keep)


def runs_of_other_models(models: Collection[str]) -> list[Superseded]:
    """The runs of models that are not among `models`; BakeoffError without a usable store."""
    return of_other_models(_reachable(), models)


def prune_runs(runs: list[Superseded]) -> bool:
    """Delete runs; returns whether their artifacts are deleted too.

    Raises:
        BakeoffError: the store cannot be used.
    """
    store = _reachable()
    with _store_errors_reported("bakeoff prune"):
        return delete(store, runs)


@contextmanager
def registered_model(alias: str) -> Iterator[tuple[str, Path]]:
    """The version with `alias`, described in words, and its model folder, which may be temporary.

    Raises:
        BakeoffError: there is no such version, its files changed, or the store cannot be used.
    """
    store = _reachable()
    version = version_with(store, alias)
    if version is None:
        raise BakeoffError(
            f"no model of {store.dataset} is registered as {alias}; `bakeoff sync` registers one"
        )
    with registered_folder(store, version, layout.MODELS) as folder:
        name = version.tags.get("model", "?")
        yield f"{name} (version {version.version} of {version.name})", folder


def standing(folder: Path) -> str:
    """Whether the model of `folder` is the registered champion, in a sentence.

    Empty without a store; a store that cannot be used is no error, but what the sentence says.
    """
    if tracking_uri() == own_uri() and not (layout.mlruns() / "mlflow.db").is_file():
        return ""
    try:
        store = _reachable()
        champion = version_with(store, CHAMPION)
    except BakeoffError as error:
        return f"Whether it is the champion is unknown: {error}."
    if champion is None:
        return f"No model of {store.dataset} is registered as champion."
    if champion.tags.get(fact.KEY) == sha256_of_folder(folder):
        return ""
    return f"It is not the registered champion, which is {champion.tags.get('model', '?')}."


def _reachable() -> Store:
    with _store_errors_reported():
        return open_store(recorded_dataset())


@contextmanager
def _store_errors_reported(command: str = "bakeoff sync") -> Iterator[None]:
    """Report in one sentence that the store cannot be used, or became unavailable."""
    try:
        yield
    except StoreUnavailableError as reason:
        raise BakeoffError(f"MLflow: {reason}") from None
    except Exception as error:
        if not type(error).__module__.startswith("mlflow."):
            raise
        raise BakeoffError(f"MLflow: {reason_of(error)}; run `{command}` again") from None


def missing_models(store: Store) -> list[str]:
    """Models that have no run yet."""
    folders = mirror.model_folders(layout.MODELS)
    return [f.name for f in folders if find(store, sha256_of_folder(f)) is None]


def recorded_dataset() -> str:
    """The data set that the models were made from, from `dvc.lock`.

    `params.yaml` may name another one since, before the next `dvc repro`.
    """
    lock = Path("dvc.lock")
    recorded = locked_dataset(lock.read_text(encoding="utf-8")) if lock.is_file() else None
    return recorded or str(read_key("dataset"))


def set_aside() -> Path | None:
    """Move the local store away and keep the journal; returns its new path.

    Raises:
        BakeoffError: the store is a server's, whose runs must not be removed.
    """
    if tracking_uri() != own_uri():
        raise BakeoffError(
            "MLFLOW_TRACKING_URI names another store; unset it: --rebuild is for the "
            "repository's own"
        )
    root = layout.mlruns()
    old = [root / name for name in ("mlflow.db", "artifacts") if (root / name).exists()]
    if not old:
        return None
    taken = [path.name.removeprefix("before-") for path in root.glob("before-*")]
    number = 1 + max((int(n) for n in taken if n.isdecimal()), default=0)
    target = root / f"before-{number}"
    with locked():
        target.mkdir()
        for path in old:
            shutil.move(path, target / path.name)
    return target
