"""Log the models, their comparison and the champion to MLflow."""

import logging
from pathlib import Path

from bakeoff.params.block import read_key
from bakeoff.params.evidence import EvaluateParams, TrackingParams
from bakeoff.tracking import model_run as mirror
from bakeoff.tracking.comparison_run import Comparison, mirror_comparison
from bakeoff.tracking.registry import register_best
from bakeoff.tracking.search_run import mirror_search, search_folders
from bakeoff.tracking.store import Store, StoreUnavailableError, open_store, reason_of

logger = logging.getLogger(__name__)


def log_comparison(reports: Path, models: Path, params: TrackingParams) -> None:
    """Log the comparison and its missing models, and put the best model through the gate.

    MLflow never makes it raise: an unreachable store causes one line of warning.
    """
    if not params.enabled:
        return
    try:
        store = open_store(str(read_key("dataset")))
        for folder in mirror.model_folders(models):
            mirror.mirror_model(store, folder)
        for folder in search_folders():
            mirror_search(store, folder)
        logger.info("registry: %s", log_and_register(store, reports, models) or "nothing to serve")
    except StoreUnavailableError as error:
        _say_left_out(str(error))
    except Exception as error:  # no error of MLflow may stop the report
        logger.debug("MLflow", exc_info=True)
        _say_left_out(reason_of(error))


def _say_left_out(reason: str) -> None:
    logger.warning("MLflow is skipped (%s); run `bakeoff sync` later", reason)


def log_and_register(store: Store, reports: Path, models: Path) -> str:
    """Log the comparison and put its best model through the gate; returns the gate's sentence."""
    comparison = Comparison.read(reports, models)
    mirror_comparison(store, comparison)
    params = EvaluateParams.read("evaluate")
    registered = register_best(store, comparison, models, params)
    if registered is None:
        return ""
    return f"version {registered.version} of {registered.name} {registered.reason}"
