import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from sklearn.metrics import log_loss

from bakeoff.scoring.temperature import fit_temperature, softmax


def drawn(temperature, n=4000, k=3, seed=0):
    """Logits that are `temperature` times too confident, and labels drawn from the truth."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(n, k)) * 2
    labels = (np.cumsum(softmax(true), axis=1) > rng.random((n, 1))).argmax(axis=1)
    return true * temperature, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_finds_the_temperature_that_spoilt_the_logits(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.06)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 10))
def test_never_raises_the_log_loss_nor_changes_a_prediction(seed, scale):
    logits, labels = drawn(scale, n=40, seed=seed)
    temperature = fit_temperature(logits, labels)
    before, after = softmax(logits), softmax(logits, temperature)
    held = range(3)
    assert log_loss(labels, after, labels=held) <= log_loss(labels, before, labels=held) + 1e-9
    assert (before.argmax(1) == after.argmax(1)).all()


def test_log_probabilities_serve_as_logits():
    logits, labels = drawn(2.0)
    assert fit_temperature(log_softmax(logits, axis=1), labels) == pytest.approx(
        fit_temperature(logits, labels), abs=1e-4
    )


def test_no_picture_means_no_change():
    assert fit_temperature(np.empty((0, 3)), np.empty(0, np.int64)) == 1.0


def test_a_perfect_side_stays_within_bounds():
    logits = np.eye(3) * 5
    assert 0.05 <= fit_temperature(logits, np.arange(3)) < 0.2
