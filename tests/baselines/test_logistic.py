"""A regression as one dense layer."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.baselines.classifier import Classifier
from bakeoff.baselines.logistic import as_dense


@pytest.mark.parametrize("known", [(0, 1, 2), (0, 2)], ids=str)
@pytest.mark.parametrize("before", [(), (StandardScaler(),)], ids=["plain", "standardised"])
def test_the_dense_layer_gives_the_probabilities(known, before):
    rng = np.random.default_rng(2)
    values = rng.normal([5, -1, 0, 20], [3, 0.1, 1, 9], size=(90, 4))
    labels = rng.permutation(np.resize(known, 90))
    regression = LogisticRegression(C=0.5)
    estimator = (make_pipeline(*before, regression) if before else regression).fit(values, labels)
    kernel, bias = as_dense(Classifier(estimator, 3, 1.7, 1e-9))
    assert (kernel.shape, bias.shape) == ((4, len(known)), (len(known),))
    found = softmax(values @ kernel + bias, axis=1)
    np.testing.assert_allclose(found, estimator.predict_proba(values), rtol=1e-9)
    assert np.ptp(found, axis=0).min() > 0.05  # else a constant would pass


def test_each_of_two_classes_gets_half_of_the_coefficient():
    regression = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    kernel, bias = as_dense(Classifier(regression, 2, 1.0, 1e-9))
    coefficient, intercept = regression.coef_[0, 0], regression.intercept_[0]
    np.testing.assert_allclose(kernel, [[-coefficient / 2, coefficient / 2]])
    np.testing.assert_allclose(bias, [-intercept / 2, intercept / 2])
