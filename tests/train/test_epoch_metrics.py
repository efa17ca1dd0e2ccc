import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from bakeoff.train.epoch_metrics import epoch_metrics, is_lower_better

CLASSES = ("a", "b", "c")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.integers(6, 60))
def test_every_metric_is_scikit_learns(seed, n):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(3), rng.integers(0, 3, n)])
    probabilities = rng.dirichlet(np.ones(3) * 0.7, len(labels))
    predicted = probabilities.argmax(axis=1)
    found = epoch_metrics(labels, probabilities, CLASSES)
    matrix = metrics.confusion_matrix(labels, predicted, labels=range(3))
    expected = {
        "loss": metrics.log_loss(labels, probabilities.astype(np.float32)),
        "accuracy": metrics.accuracy_score(labels, predicted),
        "macro_precision": metrics.precision_score(
            labels, predicted, average="macro", zero_division=0
        ),
        "macro_recall": metrics.recall_score(labels, predicted, average="macro"),
        "macro_f1": metrics.f1_score(labels, predicted, average="macro"),
        "auc": metrics.roc_auc_score(labels, probabilities, multi_class="ovr"),
        "cohen_kappa": metrics.cohen_kappa_score(labels, predicted),
    }
    expected |= {f"fp_{c}": matrix[:, i].sum() - matrix[i, i] for i, c in enumerate(CLASSES)}
    expected |= {f"fn_{c}": matrix[i].sum() - matrix[i, i] for i, c in enumerate(CLASSES)}
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert list(found) == list(expected)


def test_by_hand():
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]])
    found = epoch_metrics(labels, probabilities, ("n", "p"))
    assert found["accuracy"] == 0.75
    assert found["cohen_kappa"] == pytest.approx(0.5)  # chance alone would give one half
    assert (found["fp_n"], found["fn_n"], found["fp_p"], found["fn_p"]) == (0, 1, 1, 0)
    assert found["loss"] == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.7]).mean())


def test_one_class_alone_is_undefined_not_an_error():
    found = epoch_metrics(np.zeros(3, np.int64), np.tile([0.9, 0.1], (3, 1)), ("a", "b"))
    assert np.isnan(found["auc"])
    assert np.isnan(found["cohen_kappa"])


def test_direction():
    assert is_lower_better("val_loss")
    assert is_lower_better("val_fn_virus")
    assert not is_lower_better("val_cohen_kappa")
    assert not is_lower_better("accuracy")
