"""What newcomer and champion say of the same pictures, which neither of them saw in training."""

import logging
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.evaluate.outcomes import Outcomes
from bakeoff.runtime import layout
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json, write_text
from bakeoff.runtime.tables import FOLD_COLUMNS, read_splits, read_table
from bakeoff.scoring.predictions import Predictions, read_predictions
from bakeoff.tracking import facts as fact
from bakeoff.tracking.comparison_run import ComparisonFiles
from bakeoff.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

TRAINED_ON = "training_images.txt"

logger = logging.getLogger(__name__)


def champion_predictions(
    store: Store, comparison: ComparisonFiles, champion: "ModelVersion", newcomer: Predictions
) -> Predictions | None:
    """The champion on the newcomer's test pictures: as it was scored, or scored anew.

    Scored anew it is asked only about pictures that did not stand in its own training. None where
    it knows other classes.

    Raises:
        BakeoffError: its training pictures are not known, or no other picture is left.
    """
    name = {key: model for model, key in comparison.keys.items()}.get(champion.tags[fact.KEY])
    if name is not None:
        return read_predictions(comparison.reports / "predictions" / f"{name}.csv")
    with tempfile.TemporaryDirectory() as folder:
        path = _downloaded(store, champion, "test/predictions.csv", folder)
        old = read_predictions(path) if path else None
        if old is not None and _same_pictures(old, newcomer):
            if old.classes != newcomer.classes:
                return None
            return replace(newcomer, probabilities=old.probabilities)  # with current labels
        return _score_anew(store, champion, newcomer)


def _downloaded(store: Store, champion: "ModelVersion", artifact: str, folder: str) -> Path | None:
    """What was uploaded when the champion was compared; None if it is gone."""
    from mlflow.exceptions import MlflowException

    try:
        run_id = champion.run_id
        return Path(store.client.download_artifacts(run_id, artifact, folder)) if run_id else None
    except (MlflowException, OSError):
        return None


def _same_pictures(old: Predictions, new: Predictions) -> bool:
    return bool(np.array_equal(old.image_ids, new.image_ids))


def _score_anew(
    store: Store, champion: "ModelVersion", newcomer: Predictions
) -> Predictions | None:
    """Predict the current test pictures with the registered champion."""
    from bakeoff.serve.predictor import load_predictor
    from bakeoff.tracking.package import registered_folder

    logger.info("registry: the test side changed, so the champion is scored again")
    with registered_folder(store, champion, layout.MODELS) as folder:
        predictor = load_predictor(folder)
    if predictor.classes != newcomer.classes:
        return None
    unseen = newcomer.only(~np.isin(newcomer.image_ids, _trained_on(store, champion)))
    if not len(unseen.labels):
        raise BakeoffError("every test picture stood in the champion's own training")
    table = _test_table().loc[list(unseen.image_ids)]
    probabilities = predictor.probabilities([Path(path) for path in table["path"]])
    return replace(unseen, probabilities=probabilities)


def write_training_images(package: Path) -> None:
    """Note in a package which images its model was trained and chosen on."""
    tables = [read_table(layout.SPLITS / f"{side}.csv", ("image_id",)) for side in ("train", "val")]
    ids = sorted(set(pd.concat(tables)["image_id"]))
    write_text(package / TRAINED_ON, "\n".join(ids) + "\n")


def _trained_on(store: Store, version: "ModelVersion") -> list[str]:
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    uri = f"{version.source}/{TRAINED_ON}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = download_artifacts(artifact_uri=uri, dst_path=folder, tracking_uri=store.uri)
        except (MlflowException, OSError):
            raise BakeoffError("its training pictures are not recorded") from None
        return Path(path).read_text(encoding="utf-8").split()


def folded_outcomes(
    store: Store, comparison: ComparisonFiles, champion: "ModelVersion", newcomer: str
) -> Outcomes | None:
    """Newcomer and champion on every picture, by models of the folds that never saw it.

    None where one of the two has no out-of-fold predictions of today's pictures.
    """
    ours = _repeats(comparison.reports / "predictions", newcomer)
    name = {key: model for model, key in comparison.keys.items()}.get(champion.tags[fact.KEY])
    if name is not None:
        theirs = _repeats(comparison.reports / "predictions", name)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = _downloaded(store, champion, "test/predictions", folder)
            stored = sorted(path.glob("repeat_*.csv")) if path else []
            theirs = [read_predictions(p) for p in stored]
    if not ours or len(ours) != len(theirs) or ours[0].classes != theirs[0].classes:
        return None
    ids = ours[0].image_ids
    if not all(_same_pictures(one, other) for one, other in zip(ours, theirs, strict=True)):
        return None
    table = read_table(layout.FOLD_TABLE, FOLD_COLUMNS)
    folds = table.pivot(index="image_id", columns="repeat", values="fold").loc[list(ids)]
    right = np.stack([[p.right for p in ours], [p.right for p in theirs]], axis=1)
    groups = read_splits(layout.SPLITS).drop_duplicates("image_id").set_index("image_id")["group"]
    numbers = pd.factorize(groups.loc[list(ids)], sort=True)[0].astype(np.int64)
    return Outcomes(("newcomer", "champion"), right, numbers, folds.to_numpy(np.int64).T)


def _repeats(folder: Path, model: str) -> list[Predictions]:
    return [read_predictions(path) for path in sorted(folder.glob(f"repeat_*/{model}.csv"))]


def _test_table() -> pd.DataFrame:
    """Path and group by `image_id`; exact duplicates share one, and their group, so one stays."""
    table = read_table(layout.SPLITS / "test.csv", ("image_id", "path", "group"))
    return table.drop_duplicates("image_id").set_index("image_id")


def group_numbers(image_ids: NDArray[Any]) -> NDArray[np.int64]:
    """Each test picture's group as a number `0..g-1`, in the order of `image_ids`."""
    groups = _test_table()["group"].loc[list(image_ids)]
    return pd.factorize(groups, sort=True)[0].astype(np.int64)


def leaking_images(reports: Path) -> int:
    """How many test images also stand in training, as the leakage audit found; 0 without one."""
    audit = reports / "split" / "leakage.json"
    return int(read_json(audit)["test_pictures_in_training"]) if audit.is_file() else 0
