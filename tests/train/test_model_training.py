import json

import keras
import numpy as np
import pandas as pd
import pytest

from bakeoff.features.frozen import write_features
from bakeoff.features.sides import read_feature_facts
from bakeoff.features.weights import resolve_weights
from bakeoff.params.found import Found
from bakeoff.params.models import ModelParams
from bakeoff.params.training import ConvBlock, FineTuneParams, HeadParams, TrainParams
from bakeoff.runtime.devices import prepare
from bakeoff.runtime.files import sha256_of_folder
from bakeoff.tfrecord.reading import read_records
from bakeoff.train.heads import load_head
from bakeoff.train.job import (
    Job,
    finish,
    kind_of,
    model_facts,
)
from bakeoff.train.keras_files import load_keras
from bakeoff.train.model_training import train_model
from bakeoff.train.network_files import write_network
from bakeoff.train.whitening import warn_of_few_directions
from tests.tiny_records import CLASSES, COUNTS, write_tiny_records

RNG = np.random.default_rng(0)
FILES = {
    "model.keras",
    "metadata.json",
    "history.csv",
    "val_predictions.csv",
    "metrics.json",
    "confusion_matrix.csv",
}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    return folder, write_tiny_records(folder)


def make(records, root, name, **changes):
    """Both stages, as the scripts run them."""
    given = {
        "backbone": "VGG16",
        "image_side": 32,
        "weights": "random",
        "head": HeadParams(hidden=(16,)),
        "train": TrainParams(epochs=2, early_stopping=None),
        "fine_tune": FineTuneParams(),
    }
    params = ModelParams(**(given | changes))
    compute = prepare("single", 7)
    features, folder = root / "features" / name, root / "models" / name
    features.mkdir(parents=True)
    folder.mkdir(parents=True)
    weights = resolve_weights(params.weights, params.backbone)
    write_features(features, params, weights, *records)
    logged = []
    job = Job(
        name,
        params,
        read_feature_facts(features),
        features,
        records[0],
        root / "resume",
        7,
        compute,
        [lambda epoch, metrics: logged.append((epoch, metrics))],
    )
    trained, train, val = train_model(job)
    write_network(folder, trained, train, val, model_facts(job, Found()))
    if kind_of(params) != "head":
        assert any((root / "resume").iterdir())
    finish(job)
    assert not any((root / "resume").glob("*"))
    return folder, logged, kind_of(params)


def check_folder(folder, records, kind):
    """What every model folder must hold, whichever way its model was trained."""
    names = {path.name for path in folder.iterdir()}
    assert names == FILES | ({"head.keras"} if kind == "head" else set())
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["kind"] == kind and metadata["classes"] == list(CLASSES)
    assert (metadata["n_train"], metadata["n_val"]) == (COUNTS["train"], COUNTS["val"])
    table = pd.read_csv(folder / "val_predictions.csv")
    model = load_keras(folder / "model.keras")
    (batch,) = read_records(records[0], "val", batch=COUNTS["val"])
    chances = model.predict(np.float32(batch["image"]), verbose=0)
    assert chances.dtype == np.float32
    expected = table[[f"p_{name}" for name in CLASSES]].to_numpy()
    np.testing.assert_allclose(chances, expected, atol=1e-4)
    return metadata, model


def test_a_head_on_frozen_features(records, tmp_path):
    folder, logged, kind = make(records, tmp_path, "vgg16")
    metadata, model = check_folder(folder, records, kind)
    head = load_head(folder / "head.keras")
    assert head.get_layer("head").get_layer("whiten").output.shape[1] <= 23  # weights are random
    values = np.load(tmp_path / "features/vgg16/val.npy")
    table = pd.read_csv(folder / "val_predictions.csv")
    expected = table[[f"p_{name}" for name in CLASSES]].to_numpy()
    np.testing.assert_allclose(head(values), expected, atol=1e-5)
    # What Grad-CAM and others reach for.
    assert isinstance(model.get_layer("backbone"), keras.Model)
    assert isinstance(model.get_layer("head"), keras.Model)
    assert metadata["parameters"] == model.count_params()
    # Called plainly, it does not train; asked to, it does.
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 40, 40, 3)).astype(np.float32)
    inferred = model(pictures, training=False)
    np.testing.assert_array_equal(model(pictures), inferred)
    assert not np.array_equal(model(pictures, training=True), inferred)
    assert [epoch for epoch, _ in logged] == [1, 2]
    assert all(isinstance(value, float) for value in logged[0][1].values())
    history = pd.read_csv(folder / "history.csv")
    assert {"loss", "val_auc", "fp_amber", "val_fn_coral", "cohen_kappa"} <= set(history.columns)
    assert not (tmp_path / "resume").exists()


def test_the_same_seed_gives_the_same_bytes(records, tmp_path):
    one, _, _ = make(records, tmp_path / "1", "vgg16")
    two, _, _ = make(records, tmp_path / "2", "vgg16")
    assert sha256_of_folder(one) == sha256_of_folder(two)


def test_fine_tuning_goes_on_from_the_trained_head(records, tmp_path):
    folder, logged, kind = make(
        records,
        tmp_path,
        "tuned",
        fine_tune=FineTuneParams(epochs=2, learning_rate=1e-4, unfreeze=0.2, batch=8),
    )
    metadata, _ = check_folder(folder, records, kind)
    assert kind == "fine_tuned"
    history = pd.read_csv(folder / "history.csv")
    assert list(history["phase"]) == ["head", "head", "fine_tune", "fine_tune"]
    assert [epoch for epoch, _ in logged] == [1, 2, 3, 4]
    best = history["val_cohen_kappa"].idxmax() + 1
    assert metadata["best_epoch"] == best


def test_a_fine_tuning_that_spoils_the_network_keeps_the_frozen_one(records, tmp_path):
    tuned = FineTuneParams(epochs=1, optimizer="sgd", learning_rate=50.0, momentum=0.0)
    head = HeadParams(hidden=(16,), whiten=None)
    folder, _, kind = make(records, tmp_path, "tuned", fine_tune=tuned, head=head)
    metadata, _ = check_folder(folder, records, kind)
    assert metadata["best_epoch"] <= 2


def test_features_of_few_directions_are_reported_with_what_is_done(caplog):
    line = np.arange(60, dtype=np.float32)[:, None] * np.ones((1, 9), np.float32)
    warn_of_few_directions("m", line, HeadParams(whiten=None))
    assert "the 9 features vary in 1.0 directions only" in caplog.text
    assert "set 'head.whiten' in params.yaml to 32" in caplog.text
    caplog.clear()
    warn_of_few_directions("m", line, HeadParams(whiten=4))
    assert "whitens them to 4 components" in caplog.text
    caplog.clear()
    warn_of_few_directions("m", np.float32(RNG.normal(size=(600, 9))), HeadParams())
    assert not caplog.text


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("mlp", {"backbone": "mlp", "channels": 1}),
        ("cnn", {"backbone": "cnn", "conv": (ConvBlock(filters=(4,)),), "pooling": "flatten"}),
        pytest.param(
            "mobilenetv2",
            {"backbone": "MobileNetV2", "trainable": "all", "precision": "mixed_bfloat16"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_from_scratch(records, tmp_path, name, changes):
    folder, _, kind = make(records, tmp_path, name, **changes)
    check_folder(folder, records, kind)
    assert kind == "from_scratch"


def test_the_exported_model_pads_as_its_records_were_padded(tmp_path):
    folder = tmp_path / "records"
    records = folder, write_tiny_records(folder, fit="pad_white")
    made, _, kind = make(records, tmp_path, "mlp", backbone="mlp")
    metadata, model = check_folder(made, records, kind)
    assert metadata["fit"] == "pad_white"
    wide = np.random.default_rng(0).uniform(0, 255, (2, 20, 40, 3)).astype(np.float32)
    padded = np.pad(wide, [(0, 0), (10, 10), (0, 0), (0, 0)], constant_values=255)
    np.testing.assert_array_equal(model(wide), model(padded))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "precision"),
    [
        ("MobileNetV2", "mixed_bfloat16"),
        ("MobileNetV2", "mixed_float16"),
        ("EfficientNetLite0", "float32"),
    ],
)
def test_fine_tuning_a_backbone_with_batch_norm(records, tmp_path, backbone, precision):
    folder, _, kind = make(
        records,
        tmp_path,
        "tuned",
        backbone=backbone,
        precision=precision,
        fine_tune=FineTuneParams(epochs=1, learning_rate=1e-4),
    )
    assert kind == "fine_tuned"
    assert (folder / "model.keras").exists()
