"""PCA whitening of features, and how many directions they really have."""

import logging

import numpy as np
from numpy.typing import NDArray

from bakeoff.params.training import HeadParams

logger = logging.getLogger(__name__)

# Below this participation rank a head on features learns slowly without whitening.
_FEW_DIRECTIONS = 5.0

# Components with less than this share of the first one's variance are rounding, not signal.
_NEGLIGIBLE = 1e-6

# Rows that the participation rank is estimated from: an even choice of them where there are more.
_ROWS = 2000


def whitening_kernel(standardised: NDArray[np.float32], components: int) -> NDArray[np.float32]:
    """The matrix `(d, k)` that maps standardised features `(n, d)` to uncorrelated ones.

    Each of the `k` new features has mean 0 and variance 1 on the rows given; `k` is `components`
    or, where the features have fewer directions, their number. Principal components by
    `sklearn.decomposition.PCA`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(500, 2)) @ [[3.0, 1.0], [0.0, 1.0]]
        >>> z = x @ whitening_kernel(x - x.mean(axis=0), 2)
        >>> np.cov(z.T).round(3) + 0.0
        array([[1., 0.],
               [0., 1.]])
    """
    from sklearn.decomposition import PCA

    count = min(components, len(standardised) - 1, standardised.shape[1])
    pca = PCA(count, random_state=0).fit(standardised)
    variance = pca.explained_variance_
    if not variance[0] > 0:  # constant features
        return np.zeros((standardised.shape[1], 1), np.float32)
    kept = int((variance > _NEGLIGIBLE * variance[0]).sum())
    kernel = pca.components_[:kept].T / np.sqrt(variance[:kept])
    return np.asarray(kernel, np.float32)


def participation_rank(standardised: NDArray[np.float32]) -> float:
    """How many directions the features vary in: `(sum l)^2 / sum l^2` over PCA's variances `l`.

    1 where all features are multiples of one, `d` where they are uncorrelated and equally large. Of
    more than 2000 rows `(n, d)`, mean 0, an even choice is looked at.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(2000, 3))
        >>> round(participation_rank(x), 1), round(participation_rank(x[:, [0, 0, 0]]), 1)
        (3.0, 1.0)
    """
    step = -(-len(standardised) // _ROWS)
    x = standardised[::step]
    gram = x @ x.T if len(x) < x.shape[1] else x.T @ x
    squares = float(np.square(gram, dtype=np.float64).sum())
    return float(np.trace(gram)) ** 2 / squares if squares else 0.0


def warn_of_few_directions(name: str, standardised: NDArray[np.float32], head: HeadParams) -> None:
    """Say so where standardised features `(n, d)` vary in fewer than 5 directions."""
    rank = participation_rank(standardised)
    if rank < _FEW_DIRECTIONS:
        logger.warning(
            "%s: the %d features vary in %.1f directions only (participation rank), as those of "
            "random weights do; %s",
            name,
            standardised.shape[1],
            rank,
            f"the head whitens them to {head.whiten} components"
            if head.whiten
            else "set 'head.whiten' in params.yaml to 32 to let the head use the others",
        )
