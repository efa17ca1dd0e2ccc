import numpy as np
import pytest

from bakeoff.evaluate.intervals import mean_estimate
from bakeoff.evaluate.power import detection_factor, power


def test_factors_of_a_normal_difference():
    assert detection_factor(1, 1e9) == pytest.approx(1.96 + 0.8416, abs=1e-3)
    assert detection_factor(10, 1e9) == pytest.approx(2.807 + 0.8416, abs=1e-3)


def test_the_least_difference_of_single_pictures_by_hand():
    gained = np.array([1, -1, 0, 0] * 100)
    found = power(mean_estimate(gained.astype(float), np.arange(400)), np.ones(400, int), 1)
    error = np.sqrt(0.5 / 399)
    assert found.standard_error == pytest.approx(error)
    assert found.least_difference == pytest.approx(error * detection_factor(1, 400))
    needed = found.pictures_needed(found.least_difference / 2)
    assert needed == pytest.approx(1600)


def test_folds_widen_the_error():
    gained = mean_estimate(np.tile([1.0, 0.0, -1.0], 30), np.arange(90))
    plain, wide = (power(gained, np.ones(90, int), 1, widen=w) for w in (1.0, 1.25))
    assert wide.least_difference == pytest.approx(1.25 * plain.least_difference)
