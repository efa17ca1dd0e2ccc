from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.baselines.classical import write_classifier
from bakeoff.baselines.classifier import Classifier, load_classifier
from bakeoff.baselines.forest import (
    fit_forest,
    forest_megabytes,
    forest_sentence,
    pixel_importances,
    within_memory,
)
from bakeoff.baselines.logistic import choose_inverse_regularization, fit_logistic
from bakeoff.features.sides import Side
from bakeoff.params.baselines import ForestParams, LogisticParams
from bakeoff.scoring.predictions import read_predictions
from tests.tiny_sides import CLASSES, tiny_side

TRAIN, VAL, TEST = tiny_side(90, 0), tiny_side(45, 1), tiny_side(45, 2)


def forest(**params) -> Classifier:
    return fit_forest(TRAIN, VAL, ForestParams(trees=25, **params), 3, seed=4)


def regression() -> Classifier:
    return fit_logistic(TRAIN, VAL, LogisticParams(), 3)


def test_the_forest_is_scikit_learns():
    expected = RandomForestClassifier(25, class_weight="balanced", random_state=4)
    expected.fit(TRAIN.values, TRAIN.labels)
    votes = np.clip(expected.predict_proba(TEST.values), 0.02, None)
    ours = forest()
    powers = votes ** (1 / ours.temperature)
    assert ours.probabilities(TEST.values) == pytest.approx(
        powers / powers.sum(axis=1, keepdims=True)
    )
    assert ours.estimator.oob_score_ == pytest.approx(
        RandomForestClassifier(25, class_weight="balanced", random_state=4, oob_score=True)
        .fit(TRAIN.values, TRAIN.labels)
        .oob_score_
    )


def test_the_forest_does_not_depend_on_the_number_of_workers(monkeypatch):
    monkeypatch.setenv("BAKEOFF_WORKERS", "1")
    one = forest().probabilities(TEST.values)
    monkeypatch.setenv("BAKEOFF_WORKERS", "3")
    assert np.array_equal(forest().probabilities(TEST.values), one)


def test_the_regression_is_scikit_learns_on_standardised_features():
    scale = StandardScaler().fit(TRAIN.values)
    expected = LogisticRegression(C=0.01, class_weight="balanced", max_iter=200)
    expected.fit(scale.transform(TRAIN.values), TRAIN.labels)
    raw = expected.predict_proba(scale.transform(TEST.values))
    ours = regression()
    powers = raw ** (1 / ours.temperature)
    assert ours.probabilities(TEST.values) == pytest.approx(
        powers / powers.sum(axis=1, keepdims=True), abs=1e-5
    )


@pytest.mark.parametrize("fit", [forest, regression])
def test_the_temperature_lowers_the_log_loss_on_validation(fit):
    ours = fit()
    assert ours.temperature != 1
    calibrated = ours.probabilities(VAL.values)
    before = Classifier(ours.estimator, 3, 1.0, ours.floor).probabilities(VAL.values)
    assert log_loss(VAL.labels, calibrated) < log_loss(VAL.labels, before)
    assert np.array_equal(calibrated.argmax(axis=1), before.argmax(axis=1))


def test_a_class_without_a_training_picture_is_hardly_possible():
    kept = TRAIN.take(np.flatnonzero(TRAIN.labels != 1))
    ours = fit_forest(kept, VAL, ForestParams(trees=10), 3, seed=0)
    probabilities = ours.probabilities(TEST.values)
    assert probabilities.shape == (45, 3)
    assert (probabilities.argmax(axis=1) != 1).all()
    assert probabilities.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("fit", [forest, regression])
def test_a_model_folder_loads_and_predicts_the_same(fit, tmp_path):
    ours = fit()
    metadata = {"model": "m", "kind": "forest", "classes": list(CLASSES), "params": {}}
    val = tiny_side(20, 3, copies=True)
    write_classifier(tmp_path, ours, TRAIN, val, metadata)
    loaded = load_classifier(tmp_path)
    assert np.array_equal(loaded.probabilities(TEST.values), ours.probabilities(TEST.values))
    written = read_predictions(tmp_path / "val_predictions.csv")
    assert written.image_ids.tolist() == val.originals().image_ids.tolist()
    assert written.probabilities == pytest.approx(
        ours.probabilities(val.originals().values), rel=1e-7
    )
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "model.skops",
        "metadata.json",
        "metrics.json",
        "history.csv",
        "val_predictions.csv",
        "confusion_matrix.csv",
    }


@pytest.mark.parametrize("fit", [forest, regression])
def test_the_same_fit_writes_the_same_bytes(fit, tmp_path):
    metadata = {"model": "m", "kind": "forest", "classes": list(CLASSES), "params": {}}
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_classifier(tmp_path / name, fit(), TRAIN, VAL, metadata)
        contents.append({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]


def test_importances_stand_where_the_telling_pixels_are():
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 200, (120, 5, 5, 3)).astype(np.float32)
    labels = np.arange(120) % 3
    pictures[:, 1, 3] += 60 * labels[:, None]
    ids = np.arange(120).astype(str)
    side = Side(ids, np.full(120, "original"), ids, labels, pictures.reshape(120, -1))
    params = ForestParams(trees=40, pixels_side=5)
    ours = fit_forest(side, side, params, 3, seed=0)
    found = pixel_importances(ours, ["pixels"], 5, 3)
    assert found.shape == (5, 5)
    assert found.sum() == pytest.approx(1)
    assert np.unravel_index(found.argmax(), (5, 5)) == (1, 3)
    assert pixel_importances(ours, ["features:vgg16", "pixels"], 5, 3) is None


def test_c_is_the_best_of_inner_grouped_folds_of_originals():
    train = tiny_side(120, 5, copies=True)
    candidates = (0.0001, 0.01, 1.0)
    losses = []
    for c in candidates:
        total = 0.0
        for a, held in StratifiedGroupKFold(3).split(train.labels, train.labels, train.groups):
            b = held[train.transforms[held] == "original"]
            model = make_pipeline(
                StandardScaler(), LogisticRegression(C=c, class_weight="balanced", max_iter=200)
            ).fit(train.values[a], train.labels[a])
            total += log_loss(
                train.labels[b], model.predict_proba(train.values[b]), normalize=False
            )
        losses.append(total)
    best = candidates[int(np.argmin(losses))]
    assert choose_inverse_regularization(train, candidates, 200, 3) == best
    fitted = fit_logistic(train, VAL, LogisticParams(inverse_regularization=candidates), 3)
    assert fitted.estimator[-1].C == best
    alone = fit_logistic(train, VAL, LogisticParams(inverse_regularization=best), 3)
    assert np.array_equal(fitted.estimator[-1].coef_, alone.estimator[-1].coef_)


def test_c_of_a_side_with_one_group_is_the_middle_candidate():
    one = replace(TRAIN, groups=np.full(len(TRAIN.labels), "a"))
    assert choose_inverse_regularization(one, (1.0, 0.1, 10.0), 200, 3) == 1.0


def test_a_forest_that_would_be_too_large_gets_larger_leaves(caplog):
    asked = ForestParams(trees=25)
    size = forest_megabytes(TRAIN, asked, 3, seed=4)
    fitted = forest().estimator
    held = sum(t.tree_.node_count * (64 + 8 * 3) for t in fitted.estimators_) / 1e6
    assert size == pytest.approx(held, rel=0.3)
    assert within_memory(TRAIN, asked, 3, seed=4) is asked
    small = fit_forest(TRAIN, VAL, ForestParams(trees=25, max_megabytes=size / 3), 3, seed=4)
    leaf = small.estimator.min_samples_leaf
    assert leaf > 1
    assert f"min_samples_leaf is {leaf} instead" in caplog.text
    assert sum(t.tree_.node_count for t in small.estimator.estimators_) * 88 / 1e6 < size / 2


def test_out_of_bag_is_not_reported_where_copies_inflate_it():
    said = [forest_sentence("f", 0.5, 0.9, tiny_side(6, 0, copies=c), 1.0) for c in (False, True)]
    assert said == [
        "f: 0.500 accuracy on validation, 0.900 out of bag, fitted in 1.0 s",
        "f: 0.500 accuracy on validation, fitted in 1.0 s",
    ]
