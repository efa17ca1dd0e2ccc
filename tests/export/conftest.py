"""Tiny models of each kind, made by the functions that train and write real ones, and pictures."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.ensemble import RandomForestClassifier

from bakeoff.baselines import skops_files
from bakeoff.baselines.classical import fit_calibrated
from bakeoff.baselines.descriptors import describe
from bakeoff.baselines.logistic import fit_logistic
from bakeoff.features.backbones import encode, picture_input, resized
from bakeoff.features.sides import Side
from bakeoff.params.baselines import LogisticParams
from bakeoff.params.training import ConvBlock, HeadParams
from bakeoff.serve.predictor import load_predictor
from bakeoff.train.heads import build_head, calibrated, feature_moments
from bakeoff.train.keras_files import load_keras, save_keras
from bakeoff.train.networks import build_cnn
from bakeoff.train.original_pictures import as_records, record_input
from tests.tiny_metadata import tiny_metadata

CLASSES = ["amber", "blue", "coral"]
SIDE = 30


def scene(seed: int, height: int, width: int) -> np.ndarray:
    """Coarse coloured patches with noise, uint8; their colour follows the seed."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 200, (height // 9 + 1, width // 9 + 1, 3))
    patches[..., seed % 3] += 55
    whole = patches.repeat(9, axis=0).repeat(9, axis=1)[:height, :width]
    return np.clip(whole + rng.integers(-9, 9, whole.shape), 0, 255).astype(np.uint8)


def write_network(
    folder: Path,
    pictures: Path,
    backbone: keras.Model | None = None,
    *,
    name: str = "cnn",
    side: int = 24,
    temperature: float = 1.7,
    filters: int = 6,
    standardise: bool = True,
    **facts: Any,
) -> Path:
    """A network as training leaves one: random, with moments of the pictures' features."""
    keras.utils.set_random_seed(3)
    blocks = (ConvBlock(filters=(4, filters, filters), pool=2),)
    backbone = backbone or build_cnn(blocks, side, 3, str(facts.get("precision", "float32")))
    about: dict[str, Any] = {"backbone": name, "image_side": side} | facts
    known = tiny_metadata(folder.name, classes=CLASSES, side=SIDE, **about)
    picture = picture_input(3)
    squares = resized(as_records(picture, known), side)
    features = encode(squares, name, backbone, "avg")
    seen = [
        np.asarray(Image.open(path).resize((side, side))) for path in sorted(pictures.iterdir())
    ]
    vectors = keras.Model(picture, features).predict(np.stack(seen).astype("float32"), verbose=0)
    params = HeadParams(hidden=(8,), activation="gelu", dropout=0.2)
    head = build_head(
        vectors.shape[1], len(CLASSES), params, feature_moments(vectors) if standardise else None
    )
    folder.mkdir(parents=True)
    network = keras.Model(picture, calibrated(head(features), temperature), name="model")
    save_keras(network, folder / "model.keras")
    (folder / "metadata.json").write_text(json.dumps(known))
    return folder


def side_of(vectors: np.ndarray) -> Side:
    """A side of originals with `vectors`; every third is of one class."""
    count = len(vectors)
    ids = np.array([f"{n:032x}" for n in range(count)])
    return Side(
        image_ids=ids,
        groups=ids,
        labels=np.arange(count) % 3,
        transforms=np.full(count, "original"),
        values=vectors,
    )


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of twelve pictures of different shapes."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(12):
        pixels = scene(number, 40 + 3 * number, 71 - 2 * number)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory, pictures):
    """`net`, `logistic_net` on its features, and forests on pixels, on both, and on HOG."""
    root = tmp_path_factory.mktemp("models")
    write_network(root / "net", pictures)
    predictor = load_predictor(root / "net")
    squares = np.stack([predictor.picture(path) for path in sorted(pictures.iterdir())])
    network = load_keras(root / "net/model.keras")
    pooled = keras.Model(record_input(network), network.get_layer("pooling").output)
    features = pooled.predict(squares.astype("float32"), verbose=0)
    pixels = describe(list(squares), ["pixels"], 7)
    regression = fit_logistic(
        side_of(features), side_of(features), LogisticParams(inverse_regularization=1.0), 3
    )
    _write(root / "logistic_net", regression, "logistic", {})
    vectors = {
        "forest_pixels": (["pixels"], pixels),
        "forest_both": (["features:net", "pixels"], np.concatenate([pixels, features], axis=1)),
    }
    for name, (descriptors, values) in vectors.items():
        trees = RandomForestClassifier(20, random_state=0)
        side = side_of(values)
        forest = fit_calibrated(trees, side, side, classes=3, floor=1e-3)
        _write(root / name, forest, "forest", {"descriptors": descriptors, "pixels_side": 7})
    _write(root / "forest_hog", forest, "forest", {"descriptors": ["hog"], "pixels_side": 7})
    return root


def _write(folder, classifier, kind, params) -> None:
    folder.mkdir()
    skops_files.save(classifier.estimator, folder / "model.skops")
    fitted = {"temperature": classifier.temperature, "floor": classifier.floor}
    known = fitted | {"params": params}
    metadata = tiny_metadata(folder.name, kind, classes=CLASSES, side=SIDE, **known)
    (folder / "metadata.json").write_text(json.dumps(metadata))
