"""A regression as the last layer of its backbone gives the regression's own probabilities."""

import json

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.baselines import skops_files
from bakeoff.baselines.classifier import load_classifier
from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.class_maps import map_network, with_regression
from bakeoff.serve.predictor import keras_function
from bakeoff.train.keras_files import load_keras
from tests.serve.tiny_page import write_repository


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("repository")
    write_repository(root)
    return root / "models"


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 40, 40, 3)).astype(np.uint8)


@pytest.mark.parametrize("known", [(0, 1, 2), (0, 2)], ids=str)
def test_the_layer_is_the_regression(models, tmp_path, known):
    values = np.random.default_rng(1).uniform(size=(60, 3))
    labels = np.asarray(known)[values[:, : len(known)].argmax(axis=1)]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(values, labels)
    skops_files.save(pipeline, tmp_path / "model.skops")
    metadata = {"classes": ["a", "b", "c"], "temperature": 1.7, "floor": 1e-9}
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    network = load_keras(models / "net/model.keras")
    features = keras_function(models / "net", "pooling")(pictures(20))
    expected = load_classifier(tmp_path).probabilities(features)
    found = with_regression(network, tmp_path)(pictures(20).astype(np.float32), training=False)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, atol=1e-4)


def test_the_map_is_bright_where_the_class_is(models):
    """Green in the upper left corner speaks for the second class, whose colour it is."""
    corner = np.zeros((1, 40, 40, 3), np.uint8)
    corner[0, :20, :20, 1] = 255
    for name in ("net", "logistic_net"):
        seen = map_network(models / name, (40, 40, 3)).explain(corner, np.array([1]))
        assert seen.maps is not None
        assert seen.maps[0, :4, :4].mean() > 0.9
        assert seen.maps[0, 4:, 4:].mean() < 0.1


def test_a_forest_has_no_map(models):
    with pytest.raises(BakeoffError, match="random_forest is a forest and has no feature map"):
        map_network(models / "random_forest", (40, 40, 3))
