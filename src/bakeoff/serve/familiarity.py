"""How far a picture is from those that a model was trained on, and when that is too far.

The distance is the Euclidean one between feature vectors of length one, to the nearest training
picture (Sun et al. 2022, Out-of-distribution detection with deep nearest neighbors). The length of
a feature vector follows contrast and brightness more than content, so it is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.runtime.errors import BakeoffError

SHARE = 0.99  # of the training pictures, which are within the limit
_MEASURED = 2000  # training pictures whose distance is measured for the limit, evenly spaced
_BLOCK = 256


@dataclass(frozen=True)
class Near:
    """The nearest training pictures of one picture, nearest first."""

    places: NDArray[np.intp]  # (k,), in the order of the training side
    distances: NDArray[np.float32]  # (k,), 0..2


@dataclass(frozen=True)
class Familiarity:
    """The training pictures' vectors, and the distance beyond which a picture is unlike them."""

    vectors: NDArray[np.float32]  # (n, d), of length one
    limit: float

    def nearest(self, values: NDArray[np.floating[Any]], count: int) -> Near:
        """The `count` training pictures nearest to one feature vector, shape `(d,)`."""
        distances = _distances(unit_vectors(values[None]), self.vectors)[0]
        places = np.argsort(distances, kind="stable")[:count]
        return Near(places, distances[places])


def familiarity(values: NDArray[np.floating[Any]], groups: Sequence[str]) -> Familiarity:
    """The limit of a training side with feature vectors `(n, d)`, and a group for each picture.

    The limit is the 99th percentile of the distance from a training picture to the nearest one of
    another group. A new picture comes from a new patient or object, whereas two pictures of one
    patient are near each other, so plain leave-one-out would make the limit too small. Of n
    distances it is the `ceil(0.99 (n + 1))`-th smallest, at most the largest, as conformal
    prediction has it: a new picture of the same kind is beyond it in about one case of a hundred.

    Raises:
        BakeoffError: there are fewer than two groups.

    Examples:
        >>> angles = np.deg2rad([0.0, 1.0, 30.0, 90.0])
        >>> vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        >>> found = familiarity(vectors, ["a", "a", "b", "c"])  # 90 degrees is farthest: 60 away
        >>> round(found.limit, 4), found.nearest(5 * vectors[2], 2).places.tolist()
        (1.0, [2, 1])
    """
    codes = np.unique(np.asarray(groups, object), return_inverse=True)[1]
    if len(np.unique(codes)) < 2:
        raise BakeoffError(
            "the training pictures are of one group, so nothing says how far a new one may be; "
            "correct 'group' in the data set's file"
        )
    vectors = unit_vectors(values)
    measured = np.unique(np.linspace(0, len(vectors) - 1, _MEASURED).round().astype(np.intp))
    nearest = []
    for start in range(0, len(measured), _BLOCK):
        rows = measured[start : start + _BLOCK]
        distances = _distances(vectors[rows], vectors)
        distances[codes[rows][:, None] == codes[None]] = np.inf
        nearest.append(distances.min(axis=1))
    return Familiarity(vectors, _percentile(np.concatenate(nearest)))


def unit_vectors(values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Vectors `(n, d)` scaled to length one; zeros stay."""
    lengths = np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True)
    return np.divide(values, np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _percentile(distances: NDArray[np.float32]) -> float:
    rank = min(len(distances), int(np.ceil(SHARE * (len(distances) + 1))))
    return float(np.sort(distances)[rank - 1])


def _distances(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distances `(n, m)` between vectors of length one."""
    lengths = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None]
    return np.sqrt(np.maximum(lengths - 2 * left @ right.T, 0))
