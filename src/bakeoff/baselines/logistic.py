"""Multinomial logistic regression on a backbone's features."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.baselines.classical import fit_calibrated
from bakeoff.baselines.classifier import Classifier
from bakeoff.features.sides import Side
from bakeoff.params.baselines import LogisticParams
from bakeoff.params.found import Found
from bakeoff.tfrecord.index import RecordIndex

FLOOR = 1e-12
_INNER_FOLDS = 3


def fit_logistic(train: Side, val: Side, params: LogisticParams, classes: int) -> Classifier:
    """Standardise the features and fit the regression, classes weighted to balance.

    `choose_inverse_regularization` chooses `C` where `inverse_regularization` is a list.

    The estimator's `n_iter_` shows whether it converged within `max_iterations`. Stopping early
    regularises further and is not an error.
    """
    chosen = params.inverse_regularization
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if not isinstance(chosen, float):
            chosen = choose_inverse_regularization(train, chosen, params.max_iterations, classes)
        estimator = _pipeline(chosen, params.max_iterations)
        return fit_calibrated(estimator, train, val, classes=classes, floor=FLOOR)


def choose_inverse_regularization(
    train: Side, candidates: Sequence[float], max_iterations: int, classes: int
) -> float:
    """The candidate with the smallest log loss in inner folds of the training side.

    Three stratified folds that keep groups together. A fold is fitted on originals and copies and
    scored on originals; of equal candidates the smallest is taken, and where there is but one group
    the middle one.
    """
    candidates = sorted(set(candidates))
    folds = min(_INNER_FOLDS, len(np.unique(train.groups)))
    if len(candidates) == 1 or folds < 2:
        return candidates[(len(candidates) - 1) // 2]
    originals = train.transforms == "original"
    losses = np.zeros(len(candidates))
    for fitted, held in StratifiedGroupKFold(folds).split(train.labels, train.labels, train.groups):
        scored = train.take(held[originals[held]])
        part = train.take(fitted)
        if len(scored.labels) == 0 or len(np.unique(part.labels)) < 2:
            continue
        for index, candidate in enumerate(candidates):
            pipeline = _pipeline(candidate, max_iterations).fit(part.values, part.labels)
            logs = Classifier(pipeline, classes, 1.0, FLOOR).log_probabilities(scored.values)
            losses[index] -= logs[np.arange(len(logs)), scored.labels].sum()
    return candidates[int(losses.argmin())]


def _pipeline(inverse_regularization: float, max_iterations: int) -> Pipeline:
    return make_pipeline(StandardScaler(), new_regression(inverse_regularization, max_iterations))


def new_regression(inverse_regularization: float, max_iterations: int) -> LogisticRegression:
    """An unfitted regression, its classes weighted to balance."""
    return LogisticRegression(
        C=inverse_regularization, max_iter=max_iterations, class_weight="balanced"
    )


def as_dense(classifier: Classifier) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A fitted regression, its standardisation included, as one dense layer.

    Of two classes scikit-learn keeps one row of coefficients; each class gets half of it, with its
    sign.

    Returns:
        The kernel `(d, k)` and the bias `(k,)` of the classes `estimator.classes_`: the softmax of
        `values @ kernel + bias` is `estimator.predict_proba(values)`.
    """
    estimator = classifier.estimator
    regression = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    kernel, bias = regression.coef_.T, regression.intercept_
    if len(regression.classes_) == 2:
        halves = np.array([-0.5, 0.5])
        kernel, bias = kernel * halves, bias * halves
    if isinstance(estimator, Pipeline):
        scaler = estimator[0]
        kernel = kernel / scaler.scale_[:, None]
        bias = bias - scaler.mean_ @ kernel
    return kernel, bias


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
        "inverse_regularization": float(fitted.C),
        "iterations": int(fitted.n_iter_[0]),
        "params": params.model_dump(mode="json") | found.facts(),
    }
