"""Training on sides that tell nothing, or that lack a class."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bakeoff.baselines.classical import write_classifier
from bakeoff.baselines.forest import fit_forest
from bakeoff.baselines.logistic import fit_logistic
from bakeoff.params.baselines import ForestParams, LogisticParams
from bakeoff.params.training import HeadParams, TrainParams
from bakeoff.runtime.devices import prepare
from bakeoff.runtime.files import read_json
from bakeoff.train.head_training import train_head
from bakeoff.train.network_files import Trained, write_network
from tests.tiny_sides import CLASSES, tiny_side

TRAIN, VAL = tiny_side(60, 0), tiny_side(30, 1)
WITHOUT_BLUE = VAL.take(np.flatnonzero(VAL.labels != 1))
METADATA = {"model": "m", "kind": "head", "classes": list(CLASSES), "params": {}}


def head_on(train, val, head=None, **params):
    given = TrainParams(**{"epochs": 2, "early_stopping": None} | params)
    return train_head(
        train,
        val,
        CLASSES,
        head or HeadParams(hidden=(8,)),
        given,
        seed=3,
        compute=prepare("single", 3),
    )


@pytest.mark.parametrize("whiten", [None, 4])
def test_a_head_on_constant_features_gives_every_picture_the_same_finite_chances(whiten):
    constant = [replace(s, values=np.full_like(s.values, 7.5)) for s in (TRAIN, VAL)]
    _, progress, logits = head_on(*constant, HeadParams(hidden=(8,), whiten=whiten))
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(logits, logits[:1].repeat(len(logits), axis=0), atol=1e-6)
    assert progress.history[0]["val_cohen_kappa"] == 0
    assert progress.history[0]["val_auc"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "fit",
    [
        lambda train, val: fit_forest(train, val, ForestParams(trees=10), 3, seed=0),
        lambda train, val: fit_logistic(
            train, val, LogisticParams(inverse_regularization=(0.1, 1.0)), 3
        ),
    ],
)
def test_a_classifier_on_constant_features_gives_each_class_a_third(fit):
    constant = [replace(s, values=np.full_like(s.values, 7.5)) for s in (TRAIN, VAL)]
    chances = fit(*constant).probabilities(constant[1].values)
    np.testing.assert_allclose(chances, 1 / 3, atol=0.05)


@pytest.mark.parametrize("monitor", ["val_cohen_kappa", "val_auc", "val_loss"])
def test_a_class_that_validation_lacks_leaves_its_scores_undefined_and_the_rest_defined(
    tmp_path, monitor
):
    head, progress, logits = head_on(TRAIN, WITHOUT_BLUE, monitor=monitor)
    row = progress.history[progress.best_epoch - 1]
    assert all(np.isfinite(v) for k, v in row.items() if isinstance(v, float)), row
    trained = Trained(head, head, progress.history, progress.best_epoch, monitor, logits, 1.0)
    card = write_network(tmp_path, trained, TRAIN, WITHOUT_BLUE, METADATA)
    assert np.isfinite(card.overall["log_loss"])
    assert read_json(tmp_path / "metadata.json")["n_val"] == 20
    table = pd.read_csv(tmp_path / "val_predictions.csv")
    assert "p_blue" in table and len(table) == 20
    assert np.isnan(card.per_class["auc"][1])


def test_a_forest_without_a_class_in_validation_is_written(tmp_path):
    forest = fit_forest(TRAIN, WITHOUT_BLUE, ForestParams(trees=10), 3, seed=0)
    card = write_classifier(tmp_path, forest, TRAIN, WITHOUT_BLUE, METADATA)
    assert 0 <= card.overall["accuracy"] <= 1
    assert np.isfinite(forest.temperature)
