"""A tiny repository for `bakeoff page`: records, features, models whose feature is the colour."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.baselines import skops_files
from bakeoff.baselines.forest import describe_side
from bakeoff.features.sides import Side, read_record_side
from bakeoff.serve.predictor import keras_function
from bakeoff.train.keras_files import save_keras
from tests.tiny_metadata import tiny_metadata
from tests.tiny_records import CLASSES, hash_of, picture, write_tiny_records

SIDE = 40
ROOT = Path(__file__).parents[2]
WEIGHTS = {"kind": "random", "fallback": True}


def write_repository(root: Path) -> None:
    """Write data, `models/{net,logistic_net,random_forest}`, the comparison and a lock file."""
    shutil.copyfile(ROOT / "params.yaml", root / "params.yaml")
    (root / "datasets").mkdir()
    shutil.copyfile(ROOT / "datasets/phantom.yaml", root / "datasets/phantom.yaml")
    (root / "dvc.lock").write_text("stages: {ingest: {params: {params.yaml: {dataset: phantom}}}}")
    write_tiny_records(root / "data/processed", SIDE)
    side = read_record_side(root / "data/processed", "train")
    _write_pictures(root, side)
    _write_network(root / "models/net", side)
    features = _write_features(root, side)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    _write_classifier(root / "models/logistic_net", "logistic", pipeline, features, {})
    forest = {"descriptors": ["pixels"], "pixels_side": 4, "trees": 10}
    side = describe_side(["pixels"], 4, "train", root / "data/processed", root / "data/features")
    trees = RandomForestClassifier(10, random_state=0)
    _write_classifier(root / "models/random_forest", "forest", trees, side, forest)
    row: dict[str, object] = {
        "accuracy": 0.8,
        "accuracy_low": 0.6,
        "accuracy_high": 0.9,
        "folds": 5,
        "repeats": 3,
    }
    row |= {f"test_{name}": row[name] for name in ("accuracy", "accuracy_low", "accuracy_high")}
    row |= {"test_pictures": 9, "against_majority": "no difference shown"}
    (root / "reports").mkdir()
    names = ("net", "logistic_net", "random_forest")
    pd.DataFrame([row | {"model": name} for name in names]).to_csv(
        root / "reports/comparison.csv", index=False
    )


def _metadata(name: str, kind: str, side: Side, params: dict) -> dict:
    facts: dict[str, object] = {"n_train": len(side.labels), "train_ids_sha256": side.sha256}
    if kind != "forest":
        facts |= {"image_side": 8, "weights": WEIGHTS}
    if kind != "head":
        facts |= {"temperature": 1.3, "floor": 1e-3}
    return tiny_metadata(name, kind, classes=CLASSES, side=SIDE, params=params, **facts)


def _write_pictures(root: Path, side: Side) -> None:
    rows = []
    for row, (image_id, label) in enumerate(zip(side.image_ids, side.labels, strict=True)):
        path = Path("data/interim") / CLASSES[label] / f"{image_id[-4:]}.png"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        pixels = picture(int(image_id[-4:]) % 3, hash_of("train") + int(image_id[-4:]))
        Image.fromarray(pixels).save(root / path)
        rows.append((image_id, path.as_posix(), CLASSES[label], f"person{row}"))
    (root / "data/splits").mkdir()
    table = pd.DataFrame(rows, columns=["image_id", "path", "label", "group"])
    table.to_csv(root / "data/splits/train.csv", index=False)


def _write_network(folder: Path, side: Side) -> None:
    """A network whose features are the mean colour, and whose classes are colours."""
    given = keras.Input((None, None, 3), name="picture")
    resized = keras.layers.Resizing(8, 8)(given)
    inner = keras.Input((8, 8, 3))
    colours = keras.layers.Conv2D(3, 1, use_bias=False, name="colours")
    backbone = keras.Model(inner, colours(inner), name="backbone")
    colours.set_weights([np.eye(3).reshape(1, 1, 3, 3) / 255])
    pooled = keras.layers.GlobalAveragePooling2D(name="pooling")(backbone(resized))
    logits = keras.layers.Dense(3, name="logits")
    scaled = keras.layers.Rescaling(1.0, name="temperature")(logits(pooled))
    model = keras.Model(given, keras.layers.Softmax()(scaled))
    logits.set_weights([12 * np.eye(3), np.zeros(3)])
    folder.mkdir(parents=True)
    save_keras(model, folder / "model.keras")
    (folder / "metadata.json").write_text(json.dumps(_metadata("net", "head", side, {})))


def _write_features(root: Path, side: Side) -> Side:
    pooled = keras_function(root / "models/net", "pooling")
    side = read_record_side(
        root / "data/processed", "train", lambda p: pooled(p).astype(np.float32)
    )
    folder = root / "data/features/net"
    folder.mkdir(parents=True)
    np.save(folder / "train.npy", side.values.astype(np.float32))
    columns = ("image_ids", "transforms", "groups", "labels")
    table = pd.DataFrame({name: getattr(side, name) for name in columns})
    names = ["image_id", "transform", "group", "label"]
    table.set_axis(names, axis=1).to_csv(folder / "train.csv", index=False)
    (folder / "features.json").write_text(json.dumps({"weights": WEIGHTS}))
    return side


def _write_classifier(folder: Path, kind: str, estimator, side: Side, params: dict) -> None:
    folder.mkdir(parents=True)
    skops_files.save(estimator.fit(side.values, side.labels), folder / "model.skops")
    (folder / "metadata.json").write_text(json.dumps(_metadata(folder.name, kind, side, params)))
