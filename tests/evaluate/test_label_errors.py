"""Wrong labels are found by predictions of models that did not train on them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from bakeoff.evaluate.label_errors import COLUMNS, suspected_labels, suspects
from tests.tiny_evidence import comparison_of, contender_of


def test_the_threshold_is_the_mean_of_the_class_computed_by_hand():
    labels = np.array([0, 0, 1, 1, 2])
    probabilities = np.array(
        [
            [0.7, 0.2, 0.1],
            [0.2, 0.7, 0.1],  # 0.7 reaches class 1's mean of 0.65
            [0.1, 0.8, 0.1],
            [0.1, 0.5, 0.4],
            [0.3, 0.6, 0.1],  # 0.6 does not reach it, nor does 0.3 reach class 0's mean of 0.45
        ]
    )
    assert suspects(labels, probabilities) == [(1, 1)]


def test_the_most_suspicious_comes_first():
    labels = np.array([0] * 4 + [1] * 4)
    one = np.array([0.1, 0.1, 0.8, 0.9, 0.9, 0.9, 0.1, 0.6])
    found = suspects(labels, np.column_stack([1 - one, one]))
    # Rows 3 and 6 differ by 0.8, row 2 by 0.6.
    assert found == [(3, 1), (6, 0), (2, 1)]


@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 60))
def test_an_image_whose_label_is_most_probable_is_never_suspected(seed, classes, count):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, count)  # some class may have no image
    probabilities = generator.dirichlet(np.full(classes, 0.5), count)
    found = suspects(labels, probabilities)
    rows = [row for row, _ in found]
    assert len(set(rows)) == len(rows)
    for row, other in found:
        assert probabilities[row, other] > probabilities[row, labels[row]]
        mean = probabilities[labels == other, other].mean()
        assert probabilities[row, other] >= mean - 1e-9
    margins = [probabilities[r, labels[r]] - probabilities[r, o] for r, o in found]
    assert margins == sorted(margins)


def test_most_of_five_percent_swapped_labels_are_found():
    generator = np.random.default_rng(4)
    true = np.arange(900) % 3
    features = generator.normal(size=(3, 6))[true] * 2 + generator.normal(size=(900, 6))
    swapped = generator.choice(900, 45, replace=False)
    labels = true.copy()
    labels[swapped] = (labels[swapped] + generator.integers(1, 3, 45)) % 3
    model = LogisticRegression(max_iter=1000)
    probabilities = cross_val_predict(model, features, labels, cv=5, method="predict_proba")
    found = suspects(labels, probabilities)
    first = found[:45]
    assert np.isin([row for row, _ in first], swapped).mean() > 0.8
    back = [other == true[row] for row, other in first if row in set(swapped)]
    assert np.mean(back) > 0.9


def test_the_best_model_with_real_weights_suspects():
    random = {"weights": {"kind": "random", "fallback": True}}
    models = contender_of("best", 0.95, 1, **random), contender_of("real", 0.8, 2)
    majority = contender_of("majority_class", 0.4, 3, kind="majority")
    comparison = comparison_of(*models, majority)
    ids = comparison.best.predictions.image_ids
    table = suspected_labels(comparison, {image_id: f"data/{image_id}.png" for image_id in ids})
    assert tuple(table.columns) == COLUMNS
    assert len(table) and set(table["model"]) == {"real"}
    assert (table["path"] == "data/" + table["image_id"] + ".png").all()
    assert (table["label"] != table["suggested"]).all()
    assert (table["p_suggested"] > table["p_label"]).all()
    wrong = ids[~models[1].predictions.right]
    assert set(table["image_id"]) <= set(wrong)


@pytest.mark.parametrize("accuracy", [0.34, 0.4])
def test_a_model_no_better_than_the_majority_suspects_nothing(accuracy):
    majority = contender_of("majority_class", 0.4, 3, kind="majority")
    table = suspected_labels(comparison_of(contender_of("a", accuracy, 1), majority), {})
    assert tuple(table.columns) == COLUMNS and table.empty
