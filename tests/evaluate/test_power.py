import numpy as np
import pytest
from scipy import stats

from bakeoff.evaluate.intervals import mean_estimate
from bakeoff.evaluate.power import detection_factor, power


def test_factors_of_a_normal_difference():
    assert detection_factor(1, 1e9) == pytest.approx(1.96 + 0.8416, abs=1e-3)
    assert detection_factor(10, 1e9) == pytest.approx(2.807 + 0.8416, abs=1e-3)


def test_the_least_difference_of_single_pictures_by_hand():
    gained = np.array([1, -1, 0, 0] * 100)
    error = mean_estimate(gained.astype(float), np.arange(400)).standard_error(np.ones(400, int))
    assert error == pytest.approx(np.sqrt(0.5 / 399))
    found = power(error, np.ones(400, int), 1)
    assert found.least_difference == pytest.approx(error * detection_factor(1, 400))
    needed = found.pictures_needed(found.least_difference / 2)
    assert needed == pytest.approx(1600)


def test_fifteen_trainings_leave_fourteen_degrees_of_freedom():
    found = power(0.01, np.ones(400, int), 1, parts=15)
    expected = stats.t.ppf(0.975, 14) + stats.t.ppf(0.8, 14)
    assert found.least_difference == pytest.approx(0.01 * expected)
