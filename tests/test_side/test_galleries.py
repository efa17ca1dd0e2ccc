import numpy as np

from bakeoff.scoring.predictions import Predictions
from bakeoff.test_side import galleries

CLASSES = ("a", "b")
#                         right     wrong     wrong     right     right
ROWS = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.6, 0.4]])
SOME = Predictions(CLASSES, np.arange(5).astype(str), np.array([0, 1, 0, 1, 0]), ROWS)


def test_mistakes_come_surest_first():
    assert galleries.confident_mistakes(SOME, 5).tolist() == [1, 2]
    assert galleries.confident_mistakes(SOME, 1).tolist() == [1]
    assert galleries.confident_mistakes(SOME, 0).tolist() == []


def test_correct_predictions_take_turns_over_the_classes():
    assert galleries.confident_right(SOME, 5).tolist() == [0, 3, 4]
    assert galleries.confident_right(SOME, 2).tolist() == [0, 3]


def test_the_hardest_have_the_least_probability_of_the_truth_on_average():
    other = Predictions(CLASSES, SOME.image_ids, SOME.labels, ROWS[::-1])
    truth = [(0.9 + 0.6) / 2, (0.2 + 0.7) / 2, 0.4, (0.7 + 0.2) / 2, (0.6 + 0.9) / 2]
    expected = np.argsort(truth, kind="stable")[:3]
    assert galleries.hardest([SOME, other], 3).tolist() == expected.tolist()


def test_each_class_is_looked_at_within_the_limit():
    labels = np.array([0, 0, 0, 1, 1, 2])
    assert galleries.first_of_each_class(labels, 2, 10).tolist() == [0, 1, 3, 4, 5]
    assert galleries.first_of_each_class(labels, 2, 3).tolist() == [0, 3, 5]
    assert len(galleries.first_of_each_class(np.arange(50), 4, 20)) == 20
