"""Predicting from pictures with a tiny network, and with a regression on its features."""

import ast
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from bakeoff.pictures.picture_error import PictureError
from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.explaining import explain
from bakeoff.serve.mlflow_model import package_model, packaged_folder, requirements
from bakeoff.serve.predictor import backbones_of, can_predict, from_array, load_predictor

CLASSES = ["dark", "light"]


def flat(value: int) -> np.ndarray:
    return np.full((10, 12, 3), value, np.uint8)


def test_a_network_gives_its_probabilities(models):
    table = load_predictor(models / "net").table([flat(51), flat(204)])
    expected = 1 / (1 + np.exp(-40 * (0.5 - 0.2)))  # softmax of -20x+10 and 20x-10 at x = 0.2
    assert table["p_dark"][0] == pytest.approx(expected, abs=1e-6)
    assert list(table["label"]) == CLASSES


def test_a_regression_takes_the_frozen_networks_features(models):
    predictor = load_predictor(models / "logistic_net")
    said = predictor.probabilities([flat(51), flat(204)])
    assert said[0, 0] > 0.9
    assert said[1, 1] > 0.9
    assert list(backbones_of(models / "logistic_net")) == ["net"]


def test_a_regression_cannot_predict_once_its_network_was_fine_tuned(models, tmp_path):
    shutil.copytree(models, tmp_path / "models")
    metadata = tmp_path / "models/net/metadata.json"
    metadata.write_text(metadata.read_text().replace('"head"', '"fine_tuned"'))
    assert not can_predict(tmp_path / "models/logistic_net")
    with pytest.raises(BakeoffError, match="features of net"):
        load_predictor(tmp_path / "models/logistic_net")


def test_a_packaged_regression_brings_its_network(models, tmp_path):
    package_model(models / "logistic_net", tmp_path / "package")
    predictor = load_predictor(packaged_folder(tmp_path / "package"))
    assert predictor.table([flat(204)])["label"].item() == "light"
    names = {line.partition("==")[0] for line in requirements(models / "logistic_net")}
    assert {"tensorflow", "scikit-learn"} <= names


@pytest.mark.slow
@pytest.mark.parametrize("model", ["net", "logistic_net"])
def test_an_environment_of_its_pins_alone_predicts(models, tmp_path, model):
    uv = shutil.which("uv")
    package_model(models / model, tmp_path / "package")
    python = tmp_path / "environment/bin/python"
    made = [str(uv), "venv", "--quiet", "--python", sys.executable, str(tmp_path / "environment")]
    pins = str(tmp_path / "package/requirements.txt")
    install = [str(uv), "pip", "install", "--quiet", "--python", str(python), "-r", pins]
    if uv is None or any(subprocess.run(c, check=False).returncode for c in (made, install)):
        pytest.skip("uv, or one of the pinned packages, cannot be had here")
    code = (
        "import sys, mlflow, numpy as np\n"
        "model = mlflow.pyfunc.load_model(sys.argv[1])\n"
        "table = model.predict([np.full((10, 12, 3), v).tolist() for v in (51, 204)])\n"
        "print(*table['label'])"
    )
    alone = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [str(python), "-c", code, str(tmp_path / "package")]
    done = subprocess.run(
        command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == CLASSES, done.stderr


def test_the_code_of_a_package_lacks_no_module_that_it_imports(models, tmp_path):
    package_model(models / "net", tmp_path / "package")
    code = tmp_path / "package/code"
    files = sorted(code.rglob("*.py"))
    trees = [ast.parse(path.read_text()) for path in files]
    imported = {
        node.module
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bakeoff")
    }
    there = {".".join(path.relative_to(code).with_suffix("").parts) for path in files}
    there |= {name.removesuffix(".__init__") for name in there}
    assert "bakeoff.serve.predictor" in imported
    assert imported <= there


def test_a_batch_is_cut_and_put_together_in_order(models):
    values = [51 if n % 3 else 204 for n in range(70)]
    said = load_predictor(models / "net").table([flat(v) for v in values])["label"]
    assert list(said) == ["dark" if v == 51 else "light" for v in values]


@pytest.mark.parametrize(
    ("fit", "light"),
    [("stretch", 1.0), ("crop", 1.0), ("pad_white", 1.0), ("pad_black", 0.5)],
)
@pytest.mark.parametrize("model", ["net", "logistic_net"])
def test_pictures_are_fitted_as_in_training(models, tmp_path, model, fit, light):
    shutil.copytree(models, tmp_path / "models")
    path = tmp_path / f"models/{model}/metadata.json"
    known = json.loads(path.read_text())
    path.write_text(json.dumps(known | {"fit": fit}))
    predictor = load_predictor(path.parent)
    # White, twice as wide as high: on black, half of the square is dark.
    said = predictor.probabilities([np.full((10, 20, 3), 255, np.uint8)])
    assert said[0, 1] == pytest.approx(light, abs=0.01)
    assert predictor.picture(flat(9)).shape == (8, 8, 3)


def test_a_cropped_picture_is_judged_by_its_middle(models, tmp_path):
    shutil.copytree(models / "net", tmp_path / "net")
    path = tmp_path / "net/metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"fit": "crop"}))
    striped = np.zeros((10, 100, 3), np.uint8)
    striped[:, 40:60] = 255
    assert load_predictor(tmp_path / "net").table([striped])["label"].item() == "light"
    assert load_predictor(models / "net").table([striped])["label"].item() == "dark"


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4, 2)),
        np.zeros((0, 4)),
        np.zeros(4),
        np.full((4, 4), 256),
        np.full((4, 4), 0.5),
        np.full((4, 4), -1),
        np.full((4, 4), np.nan),
        np.full((4, 4), "a"),
    ],
)
def test_an_array_that_is_no_picture_is_refused(pixels):
    with pytest.raises(PictureError):
        from_array(pixels)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_arrays_of_whole_numbers_are_pictures(shape, dtype):
    assert from_array(np.full(shape, 255, dtype)).size == (5, 4)


def test_an_explanation_is_the_picture_with_heat_beside_it(models, tmp_path):
    Image.fromarray(flat(204)).save(tmp_path / "p.png")
    seen = explain(models / "net", tmp_path / "p.png", None, tmp_path / "out.png")
    assert (seen.label, seen.path) == ("light", tmp_path / "out.png")
    assert Image.open(seen.path).size == (24, 10)
    shutil.copytree(models / "net", tmp_path / "padding")
    path = tmp_path / "padding/metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"fit": "pad_black"}))
    explain(tmp_path / "padding", tmp_path / "p.png", None, tmp_path / "padded.png")
    padded = np.asarray(Image.open(tmp_path / "padded.png"))
    assert padded.shape == (12, 24, 3)
    assert (padded[1:11, :12] == 204).all() and not padded[[0, 11], :12].any()
    with pytest.raises(BakeoffError, match="name one of dark, light"):
        explain(models / "net", tmp_path / "p.png", "blue", tmp_path / "out.png")


def test_a_regression_is_explained_by_its_own_probability(models, tmp_path):
    Image.fromarray(flat(204)).save(tmp_path / "p.png")
    for label, column in ((None, 1), ("dark", 0)):
        seen = explain(models / "logistic_net", tmp_path / "p.png", label, tmp_path / "out.png")
        said = load_predictor(models / "logistic_net").probabilities([flat(204)])[0]
        assert seen.label == CLASSES[column]
        assert seen.probability == pytest.approx(said[column], abs=1e-12)
        assert Image.open(seen.path).size == (24, 10)
    drawn = np.asarray(Image.open(tmp_path / "out.png")).astype(int)
    assert (drawn[:, :12] == 204).all()
