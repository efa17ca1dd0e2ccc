"""Parts of the networks that are exported: Pillow's box filter, a regression."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.baselines.classifier import Classifier
from bakeoff.baselines.descriptors import pixels
from bakeoff.export.portable import _averaged, _regression


@pytest.mark.parametrize(("side", "small"), [(300, 32), (224, 32), (64, 7), (30, 7), (20, 32)])
def test_pixels_are_averaged_to_the_last_bit(side, small):
    picture = np.random.default_rng(side).integers(0, 256, (4, side, side, 3), np.uint8)
    picture[3] = np.arange(side, dtype=np.uint8)[:, None, None]  # halves, to be rounded
    square = keras.Input((side, side, 3))
    found = keras.Model(square, _averaged(square, side, small))(picture.astype("float32"))
    np.testing.assert_array_equal(found, [pixels(each, small) for each in picture])


@pytest.mark.parametrize("known", [(0, 1, 2), (0, 2)], ids=str)
def test_a_regression_keeps_its_probabilities_also_where_a_class_is_unknown_to_it(known):
    values = np.random.default_rng(1).uniform(size=(60, 3)).astype(np.float32)
    labels = np.asarray(known)[values[:, : len(known)].argmax(axis=1)]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(values, labels)
    classifier = Classifier(pipeline, 3, 1.7, 1e-9)
    vectors = keras.Input((3,))
    found = _regression(keras.Model(vectors, vectors), classifier)(values)
    expected = classifier.probabilities(values)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, atol=1e-6)
