"""Tiny models whose answer is known by hand."""

import json

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from bakeoff.baselines import skops_files
from bakeoff.train.keras_files import save_keras
from tests.tiny_metadata import tiny_metadata


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """`models/net`, whose feature is the mean brightness, and `models/logistic_net` on it."""
    folder = tmp_path_factory.mktemp("models")
    picture = keras.Input((None, None, 3), name="picture")
    resized = keras.layers.Resizing(8, 8)(picture)
    backbone_input = keras.Input((8, 8, 3))
    mean = keras.initializers.Constant(1 / 765)
    grey = keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer=mean)
    backbone = keras.Model(backbone_input, grey(backbone_input), name="backbone")
    feature = keras.layers.GlobalAveragePooling2D(name="pooling")(backbone(resized))
    logits = keras.layers.Dense(2, name="logits")
    scaled = keras.layers.Rescaling(1.0, name="temperature")(logits(feature))
    model = keras.Model(picture, keras.layers.Softmax()(scaled))
    logits.set_weights([np.array([[-20.0, 20.0]]), np.array([10.0, -10.0])])  # equal at 1/2
    (folder / "net").mkdir()
    save_keras(model, folder / "net/model.keras")
    (folder / "net/metadata.json").write_text(json.dumps(tiny_metadata("net", side=8)))
    regression = LogisticRegression(C=1e6).fit(np.array([[0.1], [0.9]]), [0, 1])
    (folder / "logistic_net").mkdir()
    skops_files.save(regression, folder / "logistic_net/model.skops")
    metadata = tiny_metadata("logistic_net", "logistic", side=8)
    (folder / "logistic_net/metadata.json").write_text(json.dumps(metadata))
    return folder
