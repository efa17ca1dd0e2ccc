"""Images whose label may be wrong, by predictions of models that did not train on them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.evaluate.comparison import Comparison
from bakeoff.scoring.predictions import Predictions

COLUMNS = ("path", "label", "suggested", "p_label", "p_suggested", "image_id", "model")


def suspects(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> list[tuple[int, int]]:
    """The suspected images and the class suggested for each, most suspicious first.

    An image is suspected if some other class is more probable than its label, and at least as
    probable as that class is, on average, among the images labelled with it. The order is by the
    probability of the label less that of the suggested class. This is confident learning:
    Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels",
    Journal of Artificial Intelligence Research 70 (2021), sections 3.1 and 3.2. Labels have shape
    `(n,)`; probabilities, out of fold, `(n, k)`, rows summing to one.

    Returns:
        Pairs of a row and a class.

    Example:
        >>> labels = np.array([0, 0, 0, 1, 1])
        >>> dog = np.array([0.1, 0.2, 0.9, 0.8, 0.7])
        >>> suspects(labels, np.column_stack([1 - dog, dog]))
        [(2, 1)]
    """
    rows = np.arange(len(labels))
    own = probabilities[rows, labels]
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    sums = np.bincount(labels, own, minlength=probabilities.shape[1])
    expected = np.divide(sums, counts, out=np.full(len(counts), np.inf), where=counts > 0)
    # A mean of equal numbers may differ from them in the last digit.
    confident = np.where(probabilities >= expected - 1e-12, probabilities, -np.inf)
    suggested = confident.argmax(axis=1)
    margin = own - confident[rows, suggested]  # infinite where no class is confident
    order = np.argsort(margin, kind="stable")
    return [(int(row), int(suggested[row])) for row in order if margin[row] < 0]


def suspected_labels(comparison: Comparison, paths: Mapping[str, str]) -> pd.DataFrame:
    """The suspects by the most accurate model without random fallback weights.

    Its probabilities are averaged over the repeats. A model that is not shown to be better than
    the majority class suspects nothing.

    Returns:
        A table with the columns `COLUMNS`, most suspicious first.
    """
    better = {p.model for p in comparison.against_majority if p.conclusion == "better"}
    fit = [c for c in comparison.trained if not c.fallback and c.name in better]
    if not fit:
        return pd.DataFrame(columns=list(COLUMNS))
    model = fit[0]
    first: Predictions = model.predictions
    probabilities = np.mean([p.probabilities for p in model.repeats], axis=0)
    rows = [
        (
            paths.get(str(first.image_ids[row]), ""),
            first.classes[first.labels[row]],
            first.classes[other],
            probabilities[row, first.labels[row]],
            probabilities[row, other],
            str(first.image_ids[row]),
            model.name,
        )
        for row, other in suspects(first.labels, probabilities)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
