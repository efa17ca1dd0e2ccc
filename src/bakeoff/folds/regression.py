"""The regression in folds: C and temperature from inner folds, and the learning curve.

The inner folds of a training part are its outer folds. A model fitted without the folds f and g is
used twice, as the inner model of f scored on g and of g scored on f, so five folds need ten inner
fits per C instead of twenty.

With fewer examples than features the L2 penalty keeps the weights in the examples' span. The fit
then uses coordinates of an orthonormal basis of it: the same predictions, several times faster.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from bakeoff.baselines.classifier import Classifier
from bakeoff.baselines.logistic import FLOOR, new_regression
from bakeoff.folds.finished import Finished
from bakeoff.folds.out_of_fold import LearningCurve, RecipePredictions
from bakeoff.folds.pool import Pool, Rows
from bakeoff.params.baselines import LogisticParams
from bakeoff.scoring.temperature import fit_temperature, softmax

FRACTIONS = (0.06, 0.12, 0.25, 0.5, 1.0)
"""Shares of a training part at which the learning curve is taken."""

Logs = NDArray[np.float64]


@dataclass(frozen=True)
class _Chosen:
    """The choices of one training part's inner folds."""

    regularization: float
    temperature: float


def predict_regression(
    pool: Pool,
    params: LogisticParams,
    *,
    seed: int,
    finished: Finished,
    advance: Callable[[int], object] = lambda parts: None,
) -> tuple[RecipePredictions, LearningCurve]:
    """Out-of-fold probabilities (R, n, k) of the regression, and its learning curve at `FRACTIONS`.

    `inverse_regularization` is one value, or those to choose from.
    """
    repeats = []
    for repeat in range(pool.repeats):
        arrays = finished.get(f"repeat_{repeat}")
        if arrays is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                arrays = _repeat(pool, repeat, params, seed)
            finished.put(f"repeat_{repeat}", arrays)
        repeats.append(arrays)
        advance(pool.count)
    stacked = {name: np.stack([r[name] for r in repeats]) for name in repeats[0]}
    facts = {
        "temperatures": stacked["temperatures"].tolist(),
        "inverse_regularization": stacked["regularizations"].tolist(),
    }
    curve = LearningCurve(
        np.array(FRACTIONS), stacked["sizes"].mean(axis=(0, 1)), stacked["right"].astype(bool)
    )
    return RecipePredictions(stacked["probabilities"], facts), curve


def _repeat(pool: Pool, repeat: int, params: LogisticParams, seed: int) -> dict[str, NDArray[Any]]:
    """One repeat: probabilities (n, k), each part's choices, and the curve's outcomes."""
    chosen = _choose(pool, repeat, params)
    probabilities = np.empty((pool.originals, len(pool.classes)))
    right = np.empty((len(FRACTIONS), pool.originals), np.uint8)
    sizes = np.empty((pool.count, len(FRACTIONS)))
    for fold, best in enumerate(chosen):
        train, test = pool.training(repeat, {fold}), pool.tested(repeat, fold)
        generator = np.random.default_rng([seed, repeat, fold])
        subsets = nested_subsets(pool, train, FRACTIONS, generator)
        for number, rows in enumerate(subsets):
            (logs,) = _Fit(pool, rows).scores(best.regularization, [test], params)
            right[number, test] = logs.argmax(axis=1) == pool.labels[test]
            sizes[fold, number] = (rows < pool.originals).sum()
        probabilities[test] = softmax(logs, best.temperature)
    return {
        "probabilities": probabilities,
        "temperatures": np.array([best.temperature for best in chosen]),
        "regularizations": np.array([best.regularization for best in chosen]),
        "right": right,
        "sizes": sizes,
    }


def _choose(pool: Pool, repeat: int, params: LogisticParams) -> list[_Chosen]:
    """For each fold the C with the smallest log loss in the inner folds, and its temperature.

    C rises, and each fit starts from the one before. Once the loss has risen for every fold, the
    larger ones are not tried: they take the most iterations.
    """
    asked = params.inverse_regularization
    grid = [asked] if isinstance(asked, float) else sorted(set(asked))
    tested = [pool.tested(repeat, fold) for fold in range(pool.count)]
    others = [
        np.concatenate([t for f, t in enumerate(tested) if f != o]) for o in range(len(tested))
    ]
    fits = {
        pair: _Fit(pool, pool.training(repeat, set(pair)))
        for pair in combinations(range(pool.count), 2)
    }
    losses = np.full((len(grid), pool.count), np.inf)
    best: list[Logs] = [np.empty(0)] * pool.count
    for number, c in enumerate(grid):
        inner = np.zeros((pool.count, pool.originals, len(pool.classes)))
        for (one, other), fit in fits.items():
            scored = [tested[other], tested[one]]
            inner[one, tested[other]], inner[other, tested[one]] = fit.scores(c, scored, params)
        for fold, rows in enumerate(others):
            losses[number, fold] = -inner[fold, rows, pool.labels[rows]].mean()
            if losses[number, fold] < losses[:number, fold].min(initial=np.inf):
                best[fold] = inner[fold, rows]
        if number and (losses[number] > losses[number - 1]).all():
            break
    return [
        _Chosen(grid[int(losses[:, fold].argmin())], fit_temperature(best[fold], pool.labels[rows]))
        for fold, rows in enumerate(others)
    ]


class _Fit:
    """Regressions on some rows, standardised and in coordinates of their own span."""

    def __init__(self, pool: Pool, rows: Rows) -> None:
        self._pool, self._labels = pool, pool.side.labels[rows]
        values = pool.side.values[rows]
        self._scaler = StandardScaler().fit(values.astype(np.float64))
        self._basis: Logs | None = None
        if len(rows) < values.shape[1]:
            self._basis, triangle = qr(self._scale(rows).T, mode="economic")
            self._values = triangle.T
        self._rows = rows
        self._model: LogisticRegression | None = None

    def scores(self, c: float, scored: Sequence[Rows], params: LogisticParams) -> list[Logs]:
        """Logarithms (m, k) for each set of m scored rows.

        The fit starts from the weights of the one before, if there is one.
        """
        if self._model is None:
            self._model = new_regression(c, params.max_iterations).set_params(warm_start=True)
        values = self._scale(self._rows) if self._basis is None else self._values
        self._model.set_params(C=c).fit(values, self._labels)
        classifier = Classifier(self._model, len(self._pool.classes), 1.0, FLOOR)
        return [classifier.log_probabilities(self._transformed(rows)) for rows in scored]

    def _scale(self, rows: Rows) -> Logs:
        # Not kept: of many fits of many pictures they would fill the memory.
        scaled: Logs = self._scaler.transform(self._pool.side.values[rows].astype(np.float64))
        return scaled

    def _transformed(self, rows: Rows) -> Logs:
        values = self._scale(rows)
        return values if self._basis is None else values @ self._basis


def nested_subsets(
    pool: Pool, rows: Rows, fractions: Sequence[float], generator: np.random.Generator
) -> list[Rows]:
    """Growing subsets of a training part: whole groups, each class by the fraction, with copies.

    Fractions rise; of a class at least one group is taken.
    """
    originals = rows[rows < pool.originals]
    names, first, sizes = np.unique(
        pool.side.groups[originals], return_index=True, return_counts=True
    )
    order = generator.permutation(len(names))
    labels = pool.side.labels[originals][first]
    reached = np.empty(len(names))  # share of the class before the group is taken
    for label in np.unique(labels):
        own = order[labels[order] == label]
        reached[own] = (np.cumsum(sizes[own]) - sizes[own]) / sizes[own].sum()
    return [
        rows[np.isin(pool.side.groups[rows], names[reached < fraction])] for fraction in fractions
    ]
