"""What the champion says of today's test pictures: as it was scored, or scored anew."""

import logging
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.runtime import layout
from bakeoff.runtime.tables import read_table
from bakeoff.scoring.predictions import Predictions, read_predictions
from bakeoff.tracking import facts as fact
from bakeoff.tracking.comparison_run import Comparison
from bakeoff.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

logger = logging.getLogger(__name__)


def champion_predictions(
    store: Store, comparison: Comparison, champion: "ModelVersion", newcomer: Predictions
) -> Predictions | None:
    """The champion on the newcomer's test pictures: as it was scored, or scored anew.

    None where it knows other classes.
    """
    name = {key: model for model, key in comparison.keys.items()}.get(champion.tags[fact.KEY])
    if name is not None:
        return read_predictions(comparison.reports / "predictions" / f"{name}.csv")
    with tempfile.TemporaryDirectory() as folder:
        old = _stored_predictions(store, champion, folder)
        if old is not None and _same_pictures(old, newcomer):
            if old.classes != newcomer.classes:
                return None
            return replace(newcomer, probabilities=old.probabilities)  # today's labels
        return _score_anew(store, champion, newcomer)


def _stored_predictions(store: Store, champion: "ModelVersion", folder: str) -> Predictions | None:
    from mlflow.exceptions import MlflowException

    if not champion.run_id:
        return None
    try:
        path = store.client.download_artifacts(champion.run_id, "test/predictions.csv", folder)
    except (MlflowException, OSError):
        return None
    return read_predictions(Path(path))


def _same_pictures(old: Predictions, new: Predictions) -> bool:
    return bool(np.array_equal(old.image_ids, new.image_ids))


def _score_anew(
    store: Store, champion: "ModelVersion", newcomer: Predictions
) -> Predictions | None:
    """Let the registered champion predict today's test pictures from their files."""
    from bakeoff.serve.predictor import load_predictor
    from bakeoff.tracking.package import registered_folder

    logger.info("registry: the test side changed, so the champion is scored anew")
    with registered_folder(store, champion, layout.MODELS) as folder:
        predictor = load_predictor(folder)
    if predictor.classes != newcomer.classes:
        return None
    table = _test_table().loc[list(newcomer.image_ids)]
    probabilities = predictor.probabilities([Path(path) for path in table["path"]])
    return replace(newcomer, probabilities=probabilities)


def _test_table() -> pd.DataFrame:
    """Path and group by `image_id`; exact duplicates share one, and their group, so one stays."""
    table = read_table(layout.SPLITS / "test.csv", ("image_id", "path", "group"))
    return table.drop_duplicates("image_id").set_index("image_id")


def group_numbers(image_ids: NDArray[Any]) -> NDArray[np.int64]:
    """Each test picture's group as a number `0..g-1`, in the order of `image_ids`."""
    groups = _test_table()["group"].loc[list(image_ids)]
    return pd.factorize(groups, sort=True)[0].astype(np.int64)
