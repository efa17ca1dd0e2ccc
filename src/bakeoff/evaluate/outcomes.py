"""Outcomes: whether each model is right on each picture, the input of all paired tests."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FEW_GROUPS = 30.0
"""Below this many effective groups an interval may cover the truth in less than 93 %."""


@dataclass(frozen=True)
class Outcomes:
    """Outcomes of `m` models on the same `n` pictures, in `R` repeats of the cross-validation.

    A single split is one repeat without folds.

    Raises:
        ValueError: the shapes do not agree.
    """

    names: tuple[str, ...]  # the models, length `m`
    # Shape `(R, m, n)`: 1 where the model is right, else 0; or any other score of a picture of
    # which more is better, such as a negative loss
    right: NDArray[np.generic]
    groups: Integers  # each picture's group, shape `(n,)`, in `0..g-1`, every group used
    # The fold in which a picture was a test picture, shape `(R, n)`; None for a split
    folds: Integers | None = None

    def __post_init__(self) -> None:
        """Check the shapes."""
        repeats, pictures = len(self.right), len(self.groups)
        if self.right.shape != (repeats, len(self.names), pictures):
            raise ValueError(
                f"right has shape {self.right.shape}, but there are {len(self.names)} models "
                f"and {pictures} pictures"
            )
        if self.folds is not None and self.folds.shape != (repeats, pictures):
            raise ValueError(f"folds has shape {self.folds.shape}, not {(repeats, pictures)}")

    @property
    def parts(self) -> float:
        """Folds times repeats, each a training of its own; infinite without folds."""
        if self.folds is None:
            return float("inf")
        return float(sum(len(np.unique(folds)) for folds in self.folds))

    @property
    def per_picture(self) -> Floats:
        """Each picture's outcome, the mean over repeats, shape `(m, n)`."""
        return self.right.mean(axis=0, dtype=np.float64)

    @property
    def scores(self) -> Floats:
        """The mean outcome of each model, shape `(m,)`."""
        return self.per_picture.mean(axis=1)

    @property
    def sizes(self) -> Integers:
        """Pictures of each group, shape `(g,)`."""
        return np.bincount(self.groups)

    @property
    def group_sums(self) -> Floats:
        """Outcomes summed over the pictures of a group and over the repeats, shape `(m, g)`."""
        totals = self.right.sum(axis=0, dtype=np.float64)
        return np.stack([np.bincount(self.groups, t, len(self.sizes)) for t in totals])

    def only(self, names: Sequence[str]) -> "Outcomes":
        """The outcomes of some of the models, in the order of `names`."""
        places = [self.names.index(name) for name in names]
        return Outcomes(tuple(names), self.right[:, places], self.groups, self.folds)


def effective_groups(sizes: NDArray[np.integer]) -> float:
    """Effective number of groups (Kish 1965): `(sum n)^2 / sum n^2`.

    Example:
        >>> effective_groups(np.array([5, 5, 5, 5]))
        4.0
        >>> effective_groups(np.array([17, 1, 1, 1]))
        1.36986301369863
    """
    sizes = sizes.astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum())
