"""Multinomial logistic regression on a backbone's features."""

import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.baselines.classical import fit_calibrated
from bakeoff.baselines.classifier import Classifier
from bakeoff.features.sides import Side
from bakeoff.params.found import Found
from bakeoff.params.models import LogisticParams
from bakeoff.tfrecord.index import RecordIndex

_FLOOR = 1e-12


def fit_logistic(train: Side, val: Side, params: LogisticParams, classes: int) -> Classifier:
    """Standardise the features and fit the regression, classes weighted to balance.

    The estimator's `n_iter_` shows whether it converged within `max_iterations`. Stopping early
    regularises further and is not an error.
    """
    estimator = make_pipeline(
        StandardScaler(),
        LogisticRegression(
            C=params.inverse_regularization,
            max_iter=params.max_iterations,
            class_weight="balanced",
        ),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fit_calibrated(estimator, train, val, classes=classes, floor=_FLOOR)


def logistic_metadata(
    name: str,
    regression: Classifier,
    params: LogisticParams,
    *,
    index: RecordIndex,
    features: dict[str, Any],
    found: Found,
) -> dict[str, Any]:
    """The content of `metadata.json` for a regression on the features that `features` records."""
    fitted = regression.estimator[-1]
    return {
        "model": name,
        "kind": "logistic",
        **index.picture_facts(),
        "backbone": features["backbone"],
        "image_side": features["image_side"],
        "pooling": features["pooling"],
        "precision": features["precision"],
        "weights": features["weights"],
        "parameters": int(fitted.coef_.size + fitted.intercept_.size),
        "backbone_parameters": features["parameters"],
        "iterations": int(fitted.n_iter_[0]),
        "params": params.model_dump(mode="json") | found.facts(),
    }
