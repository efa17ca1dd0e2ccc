import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from bakeoff.scoring import scores

K = 4
answers = st.lists(
    st.tuples(st.integers(0, K - 1), st.integers(0, K - 1)), min_size=1, max_size=40
).map(lambda pairs: np.array(pairs, np.int64).T)


def matrix_of(answers: np.ndarray) -> np.ndarray:
    return scores.confusion_matrix(answers[0], answers[1], K)


@settings(deadline=None, max_examples=50)
@given(answers)
def test_overall_scores_equal_scikit_learn(answers):
    true, predicted = answers
    matrix = matrix_of(answers)
    assert np.array_equal(matrix, metrics.confusion_matrix(true, predicted, labels=range(K)))
    assert scores.accuracy(matrix) == pytest.approx(metrics.accuracy_score(true, predicted))
    assert scores.matthews(matrix) == pytest.approx(metrics.matthews_corrcoef(true, predicted))
    with np.errstate(invalid="ignore"):
        balanced = metrics.balanced_accuracy_score(true, predicted)
    assert scores.balanced_accuracy(matrix) == pytest.approx(balanced)
    if len(set(true) | set(predicted)) > 1:
        kappa = metrics.cohen_kappa_score(true, predicted)
        assert scores.cohen_kappa(matrix) == pytest.approx(kappa)
    else:
        assert np.isnan(scores.cohen_kappa(matrix))


@settings(deadline=None, max_examples=50)
@given(answers)
def test_macro_scores_equal_scikit_learn(answers):
    true, predicted = answers
    matrix = matrix_of(answers)
    expected = metrics.precision_recall_fscore_support(
        true, predicted, average="macro", zero_division=0
    )[:3]
    ours = (scores.macro_precision, scores.macro_recall, scores.macro_f1)
    for score, value in zip(ours, expected, strict=True):
        assert score(matrix) == pytest.approx(value)


@settings(deadline=None, max_examples=50)
@given(answers)
def test_scores_of_a_class_equal_scikit_learn_where_they_are_defined(answers):
    true, predicted = answers
    matrix = matrix_of(answers)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        true, predicted, labels=range(K), zero_division=0
    )
    held = support > 0
    assert scores.recall(matrix)[held] == pytest.approx(recall[held])
    assert np.isnan(scores.recall(matrix)[~held]).all()
    occurs = held | np.isin(np.arange(K), predicted)
    assert scores.precision(matrix)[occurs] == pytest.approx(precision[occurs])
    assert scores.f1(matrix)[occurs] == pytest.approx(f1[occurs])
    assert np.isnan(scores.f1(matrix)[~occurs]).all()


def test_false_alarms_and_misses_by_hand():
    # Two of class 0 are taken for 1, one of 2 for 0; class 3 is absent but predicted once, for 1.
    matrix = np.array([[5, 2, 0, 0], [0, 3, 0, 1], [1, 0, 4, 0], [0, 0, 0, 0]], float)
    assert scores.false_positives(matrix).tolist() == [1, 2, 0, 1]
    assert scores.false_negatives(matrix).tolist() == [2, 1, 1, 0]
    assert scores.specificity(matrix) == pytest.approx([8 / 9, 10 / 12, 1, 15 / 16])
    assert np.isnan(scores.recall(matrix)[3])


@settings(deadline=None, max_examples=50)
@given(st.lists(answers, min_size=2, max_size=4))
def test_a_stack_of_matrices_scores_like_each_alone(many):
    matrices = [matrix_of(a) for a in many]
    for score in (*scores.OVERALL.values(), *scores.PER_CLASS.values()):
        assert np.array_equal(
            score(np.stack(matrices)), np.stack([score(m) for m in matrices]), equal_nan=True
        )
