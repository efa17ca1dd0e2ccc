import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from bakeoff.scoring import probability_scores as ranked


def cases(seed: int, n: int = 60, k: int = 3, ties: bool = False):
    generator = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k), generator.integers(k, size=n - k)])
    probabilities = generator.dirichlet(np.ones(k), n)
    if ties:
        counts = np.round(probabilities * 4) + 1
        probabilities = counts / counts.sum(axis=1, keepdims=True)
    return labels, probabilities


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.booleans())
def test_ranking_scores_equal_scikit_learn(seed, ties):
    labels, probabilities = cases(seed, ties=ties)
    areas = metrics.roc_auc_score(labels, probabilities, multi_class="ovr", average=None)
    assert ranked.roc_auc(labels, probabilities) == pytest.approx(areas)
    truth = np.eye(3)[labels]
    averages = metrics.average_precision_score(truth, probabilities, average=None)
    assert ranked.average_precision(labels, probabilities) == pytest.approx(averages)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000))
def test_losses_equal_scikit_learn(seed):
    labels, probabilities = cases(seed)
    assert ranked.log_losses(labels, probabilities).mean() == pytest.approx(
        metrics.log_loss(labels, probabilities, labels=range(3))
    )
    brier = metrics.brier_score_loss(labels, probabilities, labels=[0, 1, 2], scale_by_half=False)
    assert ranked.brier_losses(labels, probabilities).mean() == pytest.approx(brier)
    for k in (1, 2):
        assert ranked.among_likeliest(labels, probabilities, k).mean() == pytest.approx(
            metrics.top_k_accuracy_score(labels, probabilities, k=k)
        )


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000))
def test_the_area_under_our_curves_is_the_area_reported(seed):
    labels, probabilities = cases(seed, ties=True)
    false, true = ranked.roc_curve(labels == 1, probabilities[:, 1])
    assert np.trapezoid(true, false) == pytest.approx(ranked.roc_auc(labels, probabilities)[1])
    precision, recall = ranked.precision_recall_curve(labels == 1, probabilities[:, 1])
    assert recall[-1] == 1
    assert ((precision > 0) | (recall == 0)).all()


def test_a_class_without_a_picture_has_no_ranking_score():
    labels, probabilities = np.array([0, 0, 1]), np.full((3, 3), 1 / 3)
    assert np.isnan(ranked.roc_auc(labels, probabilities)[2])
    assert np.isnan(ranked.average_precision(labels, probabilities)[2])
    assert ranked.roc_auc(labels, probabilities)[:2] == pytest.approx([0.5, 0.5])


def test_certain_and_wrong_is_a_large_but_finite_loss():
    losses = ranked.log_losses(np.array([0]), np.array([[0.0, 1.0]]))
    assert 10 < losses[0] < 20


def test_reliability_by_hand():
    # Bins of ten: three answers at 0.95 of which two are right, one at 0.55 that is right.
    labels = np.array([0, 0, 1, 0])
    sure, half = [0.95, 0.05], [0.55, 0.45]
    found = ranked.reliability(labels, np.array([sure, sure, sure, half]), bins=10)
    assert found.counts.tolist() == [1, 3]
    assert found.confidence == pytest.approx([0.55, 0.95])
    assert found.accuracy == pytest.approx([1, 2 / 3])
    by_hand = (1 * 0.45 + 3 * (0.95 - 2 / 3)) / 4
    assert found.expected_calibration_error == pytest.approx(by_hand)


def test_a_confidence_on_an_edge_belongs_to_the_lower_bin():
    found = ranked.reliability(np.array([0, 0]), np.array([[0.8, 0.2], [0.81, 0.19]]), bins=5)
    assert found.counts.tolist() == [1, 1]
