"""Values and influences against scikit-learn, whose scores take weights."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics

from bakeoff.evaluate.influence import (
    picture_influences,
    recall_estimates,
    scale_of,
    score_estimates,
)
from bakeoff.evaluate.outcomes import Floats
from bakeoff.scoring.predictions import Predictions

COUNT, CLASSES = 90, ("a", "b", "c")


def predictions(seed: int = 0) -> Predictions:
    generator = np.random.default_rng(seed)
    labels = np.random.default_rng(9).integers(0, 3, COUNT)
    scores = generator.normal(size=(COUNT, 3)) + 1.2 * np.eye(3)[labels]
    powers = np.exp(scores)
    probabilities = np.round(powers / powers.sum(axis=1, keepdims=True), 2)  # ties occur
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    ids = np.arange(COUNT).astype(str)
    return Predictions(CLASSES, ids, labels, probabilities)


GROUPS = np.repeat(np.arange(30), 3)


def of_classes(score: Callable[..., float], **more: object) -> Callable[..., float]:
    return lambda p, w: score(p.labels, p.predicted, sample_weight=w, **more)


def one_against_rest(score: Callable[..., float]) -> Callable[..., float]:
    def mean(p: Predictions, weights: Floats) -> float:
        areas = [
            score(p.labels == c, p.probabilities[:, c], sample_weight=weights) for c in range(3)
        ]
        return float(np.mean(areas))

    return mean


SKLEARN = {
    "accuracy": of_classes(metrics.accuracy_score),
    "balanced_accuracy": of_classes(metrics.balanced_accuracy_score),
    "cohen_kappa": of_classes(metrics.cohen_kappa_score),
    "matthews": of_classes(metrics.matthews_corrcoef),
    "macro_recall": of_classes(metrics.recall_score, average="macro"),
    "macro_precision": of_classes(metrics.precision_score, average="macro"),
    "macro_f1": of_classes(metrics.f1_score, average="macro"),
    "macro_auc": one_against_rest(metrics.roc_auc_score),
    "macro_average_precision": one_against_rest(metrics.average_precision_score),
    "log_loss": lambda p, w: metrics.log_loss(p.labels, p.probabilities, sample_weight=w),
}


@pytest.mark.parametrize("score", SKLEARN)
def test_an_influence_is_the_derivative_by_a_groups_weight(score):
    found, estimate = predictions(), score_estimates([predictions()], GROUPS)[score]
    assert estimate.value == pytest.approx(SKLEARN[score](found, np.ones(COUNT)))
    assert estimate.influence.sum() == pytest.approx(0, abs=1e-12)
    for group in (0, 7, 29):
        step = 1e-4 * (GROUPS == group)
        ends = [SKLEARN[score](found, 1 + sign * step) for sign in (1, -1)]
        assert estimate.influence[group] == pytest.approx((ends[0] - ends[1]) / 2e-4, abs=1e-6)


def test_several_repeats_are_averaged():
    both = score_estimates([predictions(0), predictions(1)], GROUPS)
    single = [score_estimates([predictions(seed)], GROUPS) for seed in (0, 1)]
    for name, estimate in both.items():
        assert estimate.value == pytest.approx(np.mean([s[name].value for s in single]))
        assert estimate.influence == pytest.approx(
            np.mean([s[name].influence for s in single], axis=0)
        )


def test_the_recall_of_a_class_is_over_the_groups_that_hold_it():
    found = predictions()
    for label, estimate in enumerate(recall_estimates([found], GROUPS)):
        mine = found.labels == label
        assert estimate.value == pytest.approx(found.right[mine].mean())
        assert len(estimate.influence) == len(np.unique(GROUPS[mine]))


def test_a_class_absent_from_the_pictures_is_left_out_of_the_means():
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 2], 10)
    some = Predictions(
        CLASSES, np.arange(20).astype(str), labels, generator.dirichlet(np.ones(3), 20)
    )
    estimates = score_estimates([some], np.arange(20))
    recalls = metrics.recall_score(labels, some.predicted, average=None, labels=[0, 2])
    assert estimates["balanced_accuracy"].value == pytest.approx(recalls.mean())
    areas = [metrics.roc_auc_score(labels == c, some.probabilities[:, c]) for c in (0, 2)]
    assert estimates["macro_auc"].value == pytest.approx(np.mean(areas))
    assert np.isnan(recall_estimates([some], np.arange(20))[1].value)


def test_what_cannot_be_scored_is_nan():
    one_class = Predictions(CLASSES, np.arange(4).astype(str), np.zeros(4, int), np.eye(3)[[0] * 4])
    estimates = score_estimates([one_class], np.arange(4))
    assert np.isnan(estimates["macro_auc"].value)
    assert np.isnan(estimates["cohen_kappa"].value)
    assert estimates["accuracy"].value == 1


def test_the_variance_of_an_auc_is_delongs():
    generator = np.random.default_rng(4)
    positive = np.arange(60) < 25
    scores = generator.normal(size=60) + positive
    area, _ = picture_influences(positive, scores)
    wins = scores[positive][:, None] > scores[~positive][None]
    placements = wins.mean(axis=1), wins.mean(axis=0)
    expected = sum(p.var() / len(p) for p in placements)  # DeLong, with n for n - 1
    assert (area.influence**2).sum() == pytest.approx(expected)


def test_memory_grows_with_the_classes_and_not_with_their_square_times_the_groups():
    generator = np.random.default_rng(0)
    count, classes = 1500, 300  # a dense matrix for each group would take 1 GB
    names = tuple(f"c{c:03d}" for c in range(classes))
    probabilities = generator.dirichlet(np.ones(classes), count)
    labels = generator.integers(0, classes, count)
    many = Predictions(names, np.arange(count).astype(str), labels, probabilities)
    tracemalloc.start()
    score_estimates([many], np.arange(count))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * probabilities.nbytes


def test_scales():
    assert [scale_of(s) for s in ("accuracy", "macro_auc", "cohen_kappa", "brier")] == [
        "proportion",
        "share",
        "correlation",
        "loss",
    ]
