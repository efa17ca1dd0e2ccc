"""Confusion matrices."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bakeoff.report.plots.figures import new_figure, styled

_MOST_NUMBERS = 20  # classes; with more, numbers in the cells are not legible
_MOST_CLASSES = 40  # with more, names are not legible


@styled
def confusion_figure(matrix: NDArray[np.float64], classes: Sequence[str], title: str) -> Figure:
    """A confusion matrix of counts, shape `(k, k)`, and their shares; true class down.

    Of many classes, those that take part in the most mistakes are shown, in their order.
    """
    # Shares of the true class, so that small classes can be seen.
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    if len(classes) > _MOST_CLASSES:
        mistakes = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
        worst = np.sort(np.argsort(-mistakes, kind="stable")[:_MOST_CLASSES])
        title = f"{title}: the {_MOST_CLASSES} of {len(classes)} classes with the most mistakes"
        matrix, shares = matrix[np.ix_(worst, worst)], shares[np.ix_(worst, worst)]
        classes = [classes[place] for place in worst]
    k = len(classes)
    side = min(14.0, 2.2 + 0.62 * k)
    figure = new_figure(side + 0.8, side)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    crowded = k > 3
    axes.set_xticks(
        range(k), classes, rotation=45 if crowded else 0, ha="right" if crowded else "center"
    )
    axes.set_yticks(range(k), classes)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    axes.grid(visible=False)
    for row, column in np.ndindex(k, k) if k <= _MOST_NUMBERS else ():
        axes.text(
            column,
            row,
            f"{matrix[row, column]:.0f}\n{shares[row, column] * 100:.0f} %",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if shares[row, column] > 0.5 else "k",
        )
    figure.colorbar(image, label="share of the true class", shrink=0.8)
    return figure
