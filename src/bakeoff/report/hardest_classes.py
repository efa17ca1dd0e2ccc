"""Which classes are shown where there is no room for all."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def hardest_first(recalls: Iterable[NDArray[np.float64]]) -> list[int]:
    """Places of all classes, the lowest mean recall first.

    `recalls` has an array of shape `(k,)` for each model, NaN for a class without a picture; such
    classes come last.

    Example:
        >>> hardest_first([np.array([0.9, np.nan, 0.5]), np.array([0.1, np.nan, 0.4])])
        [2, 0, 1]
    """
    rows = np.array(list(recalls))
    mean = np.where(np.isnan(rows).any(axis=0), np.inf, np.nan_to_num(rows).mean(axis=0))
    return [int(place) for place in np.argsort(mean, kind="stable")]


def shown_classes(recalls: Iterable[NDArray[np.float64]], most: int) -> list[int]:
    """Places of all classes in their order, or of the `most` hardest if there are more."""
    places = hardest_first(recalls)
    return places[:most] if len(places) > most else sorted(places)
