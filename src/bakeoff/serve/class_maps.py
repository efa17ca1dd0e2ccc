"""Networks that draw where a model looked; a regression is one layer on its backbone."""

from pathlib import Path

import numpy as np

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json
from bakeoff.runtime.tf import keras
from bakeoff.serve.predictor import backbones_of
from bakeoff.test_side.gradcam import AFTER_BACKBONE, AFTER_HEAD, Network
from bakeoff.train.keras_files import load_keras


def map_network(folder: Path, shape: tuple[int, int, int]) -> Network:
    """What explains the network or regression of `folder` on pictures of records of `shape`.

    Raises:
        BakeoffError: it is a forest, or the backbone has no feature map.
    """
    kind = read_json(folder / "metadata.json")["kind"]
    if kind == "forest":
        raise BakeoffError(
            f"{folder.name} is a forest and has no feature map, so no map shows where it looked; "
            "name a network or its regression to see one"
        )
    if kind == "logistic":
        (backbone,) = backbones_of(folder).values()
        model = with_regression(load_keras(backbone / "model.keras"), folder)
    else:
        model = load_keras(folder / "model.keras")
    network = Network(model, shape)
    blank = np.zeros((1, *shape), np.uint8)
    if network.explain(blank, np.array([0])).maps is None:
        raise BakeoffError(
            f"the backbone of {folder.name} has no feature map, so no map shows where it looked; "
            "name a model on another backbone to see one"
        )
    return network


def with_regression(network: keras.Model, folder: Path) -> keras.Model:
    """A network whose head is replaced by the regression of a model folder.

    Standardisation and coefficients become one dense layer, whose scores after softmax are the
    regression's probabilities before calibration, apart from the last bits.
    """
    from bakeoff.baselines.classifier import load_classifier
    from bakeoff.baselines.logistic import as_dense

    classifier = load_classifier(folder)
    known = classifier.estimator.classes_
    kernel, bias = as_dense(classifier)
    weights = np.zeros((len(kernel), classifier.classes), np.float32)
    biases = np.full(classifier.classes, np.log(classifier.floor), np.float32)
    weights[:, known], biases[known] = kernel, bias
    logits = keras.layers.Dense(classifier.classes, name="logits", dtype="float32")
    scaled = keras.layers.Rescaling(1 / classifier.temperature, name=AFTER_HEAD, dtype="float32")
    features = network.get_layer(AFTER_BACKBONE).output
    model = keras.Model(network.input, keras.layers.Softmax()(scaled(logits(features))))
    logits.set_weights([weights, biases])
    return model
