"""What the stage writes is what is read, byte for byte the same twice."""

import numpy as np
import pytest
from scipy.special import softmax

from bakeoff.folds.out_of_fold import (
    LearningCurve,
    Predicted,
    RecipePredictions,
    read_folds,
    read_learning_curve,
    write_folds,
    write_no_folds,
)
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json
from bakeoff.runtime.files import sha256_of_folder as sha256
from tests.tiny_pool import tiny_pool
from tests.tiny_sides import CLASSES


def recipe(pool, temperature=2.0):
    """Logits that favour the true class, divided by a temperature in every part."""
    logits = np.random.default_rng(0).normal(size=(2, 30, 3)) + 1.5 * np.eye(3)[pool.labels]
    temperatures = np.full((2, 5), temperature)
    return RecipePredictions(
        softmax(logits / temperature, axis=2), {"temperatures": temperatures.tolist()}
    )


def write(folder, pool):
    folder.mkdir()
    right = np.arange(2 * 5 * 30).reshape(2, 5, 30) % 3 > 0
    curve = LearningCurve(np.array([0.06, 0.12, 0.25, 0.5, 1]), np.arange(1.0, 6), right)
    return write_folds(folder, Predicted(pool.pictures(), CLASSES, {"head": recipe(pool)}, curve))


def test_what_is_written_is_read(tmp_path):
    pool = tiny_pool()
    accuracies = write(tmp_path / "vgg16", pool)
    said = read_folds(tmp_path / "vgg16")["head"]
    assert (said.model, said.recipe, said.classes) == ("vgg16", "head", CLASSES)
    np.testing.assert_array_equal(said.image_ids, pool.side.image_ids[:30])
    np.testing.assert_array_equal(said.groups, pool.side.groups[:30])
    np.testing.assert_array_equal(said.labels, pool.labels)
    np.testing.assert_array_equal(said.folds, pool.folds[:, :30])
    np.testing.assert_allclose(said.probabilities, recipe(pool).probabilities, atol=1e-7)
    assert said.right.mean() == pytest.approx(accuracies["head"])
    curve = read_learning_curve(tmp_path / "vgg16")
    assert curve.right.shape == (2, 5, 30)
    assert curve.right.mean() == pytest.approx(2 / 3)
    assert curve.pictures.tolist() == [1, 2, 3, 4, 5]


def test_equal_predictions_are_equal_bytes(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name, tiny_pool())
    assert sha256(tmp_path / "one") == sha256(tmp_path / "two")


def test_the_pooled_temperature_is_that_of_the_logits_before_those_of_the_parts(tmp_path):
    found = []
    for temperature in (1.0, 2.0):
        pool = tiny_pool()
        folder = tmp_path / f"{temperature}"
        folder.mkdir()
        write_folds(
            folder, Predicted(pool.pictures(), CLASSES, {"head": recipe(pool, temperature)})
        )
        found.append(read_json(folder / "facts.json")["recipes"]["head"]["pooled_temperature"])
    assert found[0] == pytest.approx(found[1], rel=1e-3)
    assert 0.5 < found[0] < 2


def test_a_model_without_folds_says_why_and_has_none(tmp_path):
    write_no_folds(tmp_path, "no folds were dealt")
    assert read_folds(tmp_path) == {}
    assert read_learning_curve(tmp_path) is None


@pytest.mark.parametrize("name", ["facts.json", "pictures.csv", "head.npy"])
def test_a_damaged_file_is_reported_with_a_remedy(tmp_path, name):
    write(tmp_path / "vgg16", tiny_pool())
    (tmp_path / "vgg16" / name).write_bytes(b"")
    with pytest.raises(BakeoffError, match=r"vgg16: cannot read .* run `dvc repro`"):
        read_folds(tmp_path / "vgg16")
