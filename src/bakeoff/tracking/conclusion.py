"""What `evaluate` tells MLflow: the models, their comparison, and who is the champion."""

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
    """Mirror the comparison, its models where they are missing, and put the best to the gate.

    Never raises because of MLflow: an unreachable store is said once, in one line.

    Args:
        reports: the folder with `comparison.csv` and `predictions/`.
        models: the folder of model folders.
        params: the block `tracking`.
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
    except Exception as error:  # the report is written, whatever MLflow throws
        logger.debug("MLflow", exc_info=True)
        _say_left_out(reason_of(error))


def _say_left_out(reason: str) -> None:
    logger.warning("MLflow is left out (%s); `bakeoff sync` catches up later", reason)


def log_and_register(store: Store, reports: Path, models: Path) -> str:
    """Mirror the comparison and put its best model to the gate; returns what the gate said."""
    comparison = Comparison.read(reports, models)
    mirror_comparison(store, comparison)
    params = EvaluateParams.read("evaluate")
    registered = register_best(store, comparison, models, params)
    if registered is None:
        return ""
    return f"version {registered.version} of {registered.name} {registered.reason}"
