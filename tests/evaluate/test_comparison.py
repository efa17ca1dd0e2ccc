import numpy as np
import pytest
from sklearn import metrics

from bakeoff.evaluate.comparison import compare, contender, majority_predictions
from bakeoff.evaluate.group_tests import group_swap, holm
from bakeoff.runtime.errors import BakeoffError
from bakeoff.scoring.predictions import Predictions
from bakeoff.scoring.scorecard import scorecard
from bakeoff.test_side.candidates import FOREST, MAJORITY
from tests.tiny_evidence import CLASSES, GROUPS, LABELS, answering, contender_of


def test_rows_stand_best_first_but_the_majority_is_never_the_best_model():
    found = compare(
        [contender_of(MAJORITY, 0.99), contender_of("weak", 0.5), contender_of(FOREST, 0.8)],
        GROUPS,
        0.95,
    )
    assert [c.name for c in found.contenders] == [MAJORITY, FOREST, "weak"]
    assert found.best.name == FOREST


def test_equally_good_models_stand_in_the_order_of_their_names():
    found = compare([contender_of("b", 0.8), contender_of("a", 0.8)], GROUPS, 0.95)
    assert [c.name for c in found.contenders] == ["a", "b"]


def test_a_pairing_holds_the_difference_and_the_tests_of_the_same_pictures():
    strong, weak = contender_of("strong", 0.9, seed=1), contender_of(FOREST, 0.6, seed=2)
    pairing = compare([strong, weak], GROUPS, 0.95).against_forest[0]
    ours, theirs = strong.predictions.right, weak.predictions.right
    assert pairing.difference == pytest.approx(ours.mean() - theirs.mean())
    assert pairing.interval.low < pairing.difference < pairing.interval.high
    gained = np.bincount(GROUPS, ours.astype(float) - theirs).astype(int)
    assert pairing.group_p == group_swap(gained, np.full(120, 2))
    assert pairing.conclusion == "better"


def test_p_values_are_corrected_over_the_family_and_the_majority_is_not_in_it():
    models = [contender_of(n, a, seed=i) for i, (n, a) in enumerate(
        [(FOREST, 0.75), ("a", 0.9), ("b", 0.77), ("c", 0.6), (MAJORITY, 0.3)]
    )]  # fmt: skip
    found = compare(models, GROUPS, 0.95)
    family = found.against_forest
    assert {p.model for p in family} == {"a", "b", "c"}
    expected = holm(np.array([p.group_p for p in family]))
    assert [p.p_adjusted for p in family] == pytest.approx(list(expected))
    assert {p.model: p.conclusion for p in family}["b"] == "no difference shown"
    assert {p.rival for p in found.against_best} == {"a"}
    assert {p.model for p in found.against_majority} == {FOREST, "a", "b", "c"}
    assert {p.conclusion for p in found.against_majority} == {"better"}


def test_models_scored_on_other_pictures_are_not_compared():
    one, other = contender_of("one", 0.8), contender_of("other", 0.8)
    moved = Predictions(
        CLASSES, other.predictions.image_ids[::-1], LABELS, other.predictions.probabilities
    )
    other = contender("other", {}, [moved], GROUPS, confidence=0.95)
    with pytest.raises(BakeoffError, match="other and one were scored on different test pictures"):
        compare([one, other], GROUPS, 0.95)


def test_equal_predictions_differ_by_nothing():
    found = compare([contender_of("a", 0.8), contender_of("b", 0.8)], GROUPS, 0.95)
    pairing = found.against_best[0]
    assert (pairing.difference, pairing.p_adjusted) == (0, 1)
    assert pairing.conclusion == "no difference shown"
    assert found.against_forest == ()


def test_majority_says_the_commonest_training_class_with_its_share():
    like = answering(0.8)
    said = majority_predictions(like, {"amber": 10, "blue": 30, "coral": 10})
    assert (said.predicted == 1).all()
    assert said.probabilities[0] == pytest.approx([0.2, 0.6, 0.2])
    assert scorecard(said).overall["cohen_kappa"] == 0


def test_calibration_before_is_of_the_probabilities_without_temperature():
    calibrated = answering(0.8)
    found = contender("m", {"temperature": 2.0}, [calibrated], GROUPS, confidence=0.95)
    powers = calibrated.probabilities**2
    raw = powers / powers.sum(axis=1, keepdims=True)
    expected = metrics.log_loss(LABELS, raw, labels=range(3))
    assert found.uncalibrated.overall["log_loss"] == pytest.approx(expected)
    assert found.uncalibrated.overall["accuracy"] == found.card.overall["accuracy"]


def test_every_score_of_a_card_is_that_of_its_predictions():
    predictions = answering(0.7)
    card = scorecard(predictions)
    said = predictions.predicted
    expected = {
        "accuracy": metrics.accuracy_score(LABELS, said),
        "balanced_accuracy": metrics.balanced_accuracy_score(LABELS, said),
        "cohen_kappa": metrics.cohen_kappa_score(LABELS, said),
        "matthews": metrics.matthews_corrcoef(LABELS, said),
        "macro_f1": metrics.f1_score(LABELS, said, average="macro"),
        "macro_precision": metrics.precision_score(LABELS, said, average="macro"),
        "macro_recall": metrics.recall_score(LABELS, said, average="macro"),
        "macro_auc": metrics.roc_auc_score(
            LABELS, predictions.probabilities, multi_class="ovr", average="macro"
        ),
        "log_loss": metrics.log_loss(LABELS, predictions.probabilities),
    }
    for name, value in expected.items():
        assert card.overall[name] == pytest.approx(value), name
    assert "top_3_accuracy" not in card.overall


def test_a_class_absent_from_the_test_side_leaves_a_hole_and_no_more():
    labels = np.array([0, 0, 2, 2, 2, 0])
    generator = np.random.default_rng(0)
    predictions = Predictions(
        CLASSES, np.arange(6).astype(str), labels, generator.dirichlet(np.ones(3), 6)
    )
    found = contender("m", {}, [predictions], np.arange(6), confidence=0.95)
    assert np.isnan(found.card.per_class["recall"][1])
    assert np.isnan(found.card.per_class["auc"][1])
    assert np.isfinite(found.card.overall["macro_auc"])
    assert np.isfinite(found.card.overall["balanced_accuracy"])
    assert np.isfinite(found.intervals["macro_f1"].low)
