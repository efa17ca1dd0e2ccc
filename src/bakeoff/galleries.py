"""Which pictures are worth a look: mistakes made with confidence, and what nobody gets right."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bakeoff.predictions import Predictions

Places = NDArray[np.intp]


def confident_mistakes(predictions: Predictions, count: int) -> Places:
    """Places of the wrong answers given with most confidence, surest first."""
    wrong = np.flatnonzero(~predictions.right)
    return wrong[np.argsort(-predictions.confidence[wrong], kind="stable")][:count]


def hardest(models: Sequence[Predictions], count: int) -> Places:
    """Places of the pictures whose true class gets least probability, averaged over models."""
    given = [p.probabilities[np.arange(len(p.labels)), p.labels] for p in models]
    return np.argsort(np.mean(given, axis=0), kind="stable")[:count]


def confident_right(predictions: Predictions, count: int) -> Places:
    """Places of the right answers given with most confidence, the classes taking turns."""
    by_class = []
    for label in range(len(predictions.classes)):
        right = np.flatnonzero(predictions.right & (predictions.labels == label))
        by_class.append(right[np.argsort(-predictions.confidence[right], kind="stable")])
    turns = [held[turn] for turn in range(count) for held in by_class if turn < len(held)]
    return np.array(turns[:count], np.intp)


def first_of_each_class(labels: NDArray[np.int64], count: int, most: int) -> Places:
    """Places of the first pictures of each class: `count` of each, `most` altogether.

    They depend on the test side alone, so that every model is looked at with the same pictures.
    """
    present = np.unique(labels)
    each = max(1, min(count, most // max(1, len(present))))
    held = [np.flatnonzero(labels == label)[:each] for label in present]
    return np.concatenate(held)[:most] if held else np.empty(0, np.intp)
