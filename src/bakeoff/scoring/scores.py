"""Scores of predicted classes, all computed from confusion matrices.

Rows of a confusion matrix are true classes, columns are predicted classes. Every function takes an
array of shape `(..., k, k)`, so one formula serves a single matrix and a stack of bootstrap
resamples. Undefined values (a class without examples, a ratio with denominator zero) are NaN.

Definitions follow scikit-learn's user guide, "Classification metrics", with `zero_division=0`.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def confusion_matrix(labels: NDArray[np.int64], predicted: NDArray[np.int64], k: int) -> Floats:
    """Count pictures by true (rows) and predicted class (columns), float64 `(k, k)`.

    Labels and predictions have shape `(n,)`, in `0..k-1`.

    Example:
        >>> confusion_matrix(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0]), k=2)
        array([[1., 1.],
               [1., 2.]])
    """
    return np.bincount(labels * k + predicted, minlength=k * k).reshape(k, k).astype(np.float64)


def _ratio(above: Floats, below: Floats) -> Floats:
    """`above / below`, NaN where `below` is zero."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)


def _diagonal(matrix: Floats) -> Floats:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def accuracy(matrix: Floats) -> Floats:
    """Share of pictures whose predicted class is the true one, in 0..1.

    Example:
        >>> float(accuracy(np.array([[8.0, 2.0], [1.0, 9.0]])))
        0.85
    """
    return _ratio(_diagonal(matrix).sum(-1), matrix.sum((-2, -1)))


def recall(matrix: Floats) -> Floats:
    """Sensitivity per class, shape `(..., k)`; NaN for a class without a picture.

    Example:
        >>> recall(np.array([[8.0, 2.0], [1.0, 9.0]]))
        array([0.8, 0.9])
    """
    return _ratio(_diagonal(matrix), matrix.sum(-1))


def precision(matrix: Floats) -> Floats:
    """Positive predictive value per class, shape `(..., k)`.

    Zero for a class that is never predicted, NaN when it is also never the truth.

    Example:
        >>> precision(np.array([[8.0, 2.0], [2.0, 6.0]]))
        array([0.8 , 0.75])
    """
    return _zero_where_held(_ratio(_diagonal(matrix), matrix.sum(-2)), matrix)


def f1(matrix: Floats) -> Floats:
    """F1 per class, shape `(..., k)`; NaN for a class that is never true and never predicted.

    Example:
        >>> f1(np.array([[8.0, 2.0], [2.0, 6.0]]))
        array([0.8 , 0.75])
    """
    return _ratio(2 * _diagonal(matrix), matrix.sum(-1) + matrix.sum(-2))


def specificity(matrix: Floats) -> Floats:
    """True negative rate per class, shape `(..., k)`.

    Example:
        With two classes, the specificity of one is the recall of the other.

        >>> specificity(np.array([[8.0, 2.0], [1.0, 9.0]]))
        array([0.9, 0.8])
    """
    others = matrix.sum((-2, -1))[..., None] - matrix.sum(-1)
    return _ratio(others - false_positives(matrix), others)


def false_positives(matrix: Floats) -> Floats:
    """Pictures of other classes predicted as this one, shape `(..., k)`.

    Example:
        >>> false_positives(np.array([[8.0, 2.0], [1.0, 9.0]]))
        array([1., 2.])
    """
    return matrix.sum(-2) - _diagonal(matrix)


def false_negatives(matrix: Floats) -> Floats:
    """Pictures of this class predicted as another, shape `(..., k)`.

    Example:
        >>> false_negatives(np.array([[8.0, 2.0], [1.0, 9.0]]))
        array([2., 1.])
    """
    return matrix.sum(-1) - _diagonal(matrix)


def balanced_accuracy(matrix: Floats) -> Floats:
    """Mean recall over the classes that have a picture, in 0..1.

    Example:
        A model that always predicts the majority class scores one half.

        >>> float(balanced_accuracy(np.array([[90.0, 0.0], [10.0, 0.0]])))
        0.5
    """
    return mean_defined(recall(matrix))


def macro_precision(matrix: Floats) -> Floats:
    """Unweighted mean precision over the classes that occur, in truth or prediction."""
    return mean_defined(precision(matrix))


def macro_recall(matrix: Floats) -> Floats:
    """Unweighted mean recall over the classes that occur, in truth or prediction."""
    return mean_defined(_zero_where_held(recall(matrix), matrix))


def macro_f1(matrix: Floats) -> Floats:
    """Unweighted mean F1 over the classes that occur, in truth or prediction.

    Example:
        >>> float(macro_f1(np.array([[8.0, 2.0], [2.0, 6.0]])))
        0.775
    """
    return mean_defined(f1(matrix))


def cohen_kappa(matrix: Floats) -> Floats:
    """Agreement beyond chance (Cohen 1960), in -1..1; NaN when chance agreement is 1.

    Example:
        An accuracy of 0.85, where 0.5 is expected by chance, is 0.35 / 0.5.

        >>> float(cohen_kappa(np.array([[8.0, 2.0], [1.0, 9.0]])))
        0.7
    """
    total = matrix.sum((-2, -1))
    expected = (matrix.sum(-1) * matrix.sum(-2)).sum(-1)
    return _ratio(total * _diagonal(matrix).sum(-1) - expected, total**2 - expected)


def matthews(matrix: Floats) -> Floats:
    """Matthews correlation for k classes (Gorodkin 2004), in -1..1.

    Zero when all true or all predicted classes are the same.

    Example:
        >>> float(matthews(np.array([[9.0, 1.0], [1.0, 9.0]])))
        0.8
    """
    total = matrix.sum((-2, -1))
    true, predicted = matrix.sum(-1), matrix.sum(-2)
    covariance = total * _diagonal(matrix).sum(-1) - (true * predicted).sum(-1)
    spread = (total**2 - (true**2).sum(-1)) * (total**2 - (predicted**2).sum(-1))
    return np.where(spread > 0, _ratio(covariance, np.sqrt(spread)), 0.0)


def _zero_where_held(values: Floats, matrix: Floats) -> Floats:
    """Turn NaN into zero for classes that occur in truth or prediction."""
    held = matrix.sum(-1) + matrix.sum(-2) > 0
    return np.where(np.isnan(values) & held, 0.0, values)


def mean_defined(values: Floats) -> Floats:
    """Mean over the last axis of what is not NaN; NaN when nothing is left."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0.0).sum(-1), defined.sum(-1).astype(np.float64))


OVERALL = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "cohen_kappa": cohen_kappa,
    "matthews": matthews,
    "macro_precision": macro_precision,
    "macro_recall": macro_recall,
    "macro_f1": macro_f1,
}
"""The scores that reduce a matrix to one number, by their name in every report."""

PER_CLASS = {
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "specificity": specificity,
    "false_positives": false_positives,
    "false_negatives": false_negatives,
}
"""The scores that make one number per class."""
