import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tables import read_csv
from bakeoff.scoring.predictions import Predictions, read_predictions, write_predictions
from bakeoff.scoring.temperature import softmax


def some(classes=("amber", "blue", "coral"), n=20, seed=0) -> Predictions:
    generator = np.random.default_rng(seed)
    return Predictions(
        classes,
        np.array([f"{i:032x}" for i in range(n)]),
        generator.integers(0, len(classes), n),
        generator.dirichlet(np.ones(len(classes)), n),
    )


@pytest.mark.parametrize(
    "classes", [("amber", "blue"), ("a, b", 'quoted "c"', "é"), ("1", "NA"), ("nan", "p_x")]
)
def test_what_is_written_is_read(classes, tmp_path):
    predictions = some(classes)
    sources = {i: f"NA, {i}.png" for i in predictions.image_ids}
    write_predictions(tmp_path / "p.csv", predictions, sources)
    assert list(read_csv(tmp_path / "p.csv")["source"]) == list(sources.values())
    read = read_predictions(tmp_path / "p.csv")
    assert read.classes == classes
    assert np.array_equal(read.image_ids, predictions.image_ids)
    assert np.array_equal(read.labels, predictions.labels)
    assert np.array_equal(read.predicted, predictions.predicted)
    assert read.probabilities == pytest.approx(predictions.probabilities, rel=1e-8)


def test_the_file_says_names_and_probabilities(tmp_path):
    predictions = Predictions(
        ("amber", "blue"), np.array(["a1"]), np.array([1]), np.array([[0.75, 0.25]])
    )
    write_predictions(tmp_path / "p.csv", predictions)
    assert (tmp_path / "p.csv").read_text() == (
        "image_id,label,predicted,p_amber,p_blue\na1,blue,amber,0.75,0.25\n"
    )


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 1000), st.floats(0.3, 5))
def test_undoing_a_temperature_gives_the_probabilities_before_it(seed, temperature):
    logits = np.random.default_rng(seed).normal(size=(20, 3)) * 2
    before = softmax(logits)
    calibrated = Predictions(
        ("a", "b", "c"), np.arange(20).astype(str), np.zeros(20, int), softmax(logits, temperature)
    )
    assert calibrated.with_temperature(1 / temperature).probabilities == pytest.approx(before)


def test_a_certain_answer_stays_finite_at_any_temperature():
    certain = Predictions(("a", "b"), np.array(["x"]), np.array([0]), np.array([[1.0, 0.0]]))
    cooled = certain.with_temperature(0.05).probabilities
    assert cooled == pytest.approx(np.array([[1, 0]]))


@pytest.mark.parametrize("content", [None, "", "x,y\n1,2\n", "image_id,label,p_a\n1,b,1\n"])
def test_another_file_is_refused(content, tmp_path):
    path = tmp_path / "p.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BakeoffError, match="not a file of predictions"):
        read_predictions(path)
