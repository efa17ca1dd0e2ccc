"""Curves of several models: learning, ROC, and precision-recall."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bakeoff.report.plots.figures import Styles, model_styles, new_figure, styled
from bakeoff.scoring.predictions import Predictions
from bakeoff.scoring.probability_scores import precision_recall_curve, roc_curve

# Longer curves are thinned to this number of points.
_POINTS = 200
_PANELS = 6  # classes; with more, curves are averaged over the classes


@styled
def learning_curves_figure(
    histories: Mapping[str, pd.DataFrame], styles: Styles | None = None
) -> Figure:
    """Loss and accuracy after each epoch; thick lines for validation, thin ones for training.

    Histories by model have columns `epoch`, `loss`, `accuracy`, `val_loss`, `val_accuracy`.
    """
    styles = styles or model_styles(histories)
    figure = new_figure(8.4, 3.4)
    panels = figure.subplots(1, 2)
    for axes, metric in zip(panels, ("loss", "accuracy"), strict=True):
        for name, history in histories.items():
            colour = styles[name]["color"]
            marker = "o" if len(history) < 30 else None
            axes.plot(
                history["epoch"],
                history[f"val_{metric}"],
                color=colour,
                marker=marker,
                ms=3,
                label=name,
            )
            if metric in history:
                axes.plot(history["epoch"], history[metric], color=colour, lw=0.8, ls=":")
        axes.set(xlabel="epoch", title=f"{metric} (dotted: training)")
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def roc_points(predictions: Predictions, label: int) -> tuple[NDArray[np.float64], ...]:
    """False and true positive rates for one class, thinned."""
    curve = roc_curve(predictions.labels == label, predictions.probabilities[:, label])
    return _thinned(*curve)


def precision_recall_points(
    predictions: Predictions, label: int
) -> tuple[NDArray[np.float64], ...]:
    """Recall and precision for one class, thinned."""
    precision, recall = precision_recall_curve(
        predictions.labels == label, predictions.probabilities[:, label]
    )
    return _thinned(recall, precision)


def roc_figure(models: Mapping[str, Predictions], styles: Styles | None = None) -> Figure:
    """ROC curves of the models, a panel for each class."""
    figure, panels = _panels(models, roc_points, styles or model_styles(models))
    for axes in panels:
        axes.plot([0, 1], [0, 1], color="0.6", lw=0.8, zorder=0)
        axes.set(xlabel="false positive rate")
    panels[0].set_ylabel("true positive rate")
    return figure


def precision_recall_figure(
    models: Mapping[str, Predictions], styles: Styles | None = None
) -> Figure:
    """Precision-recall curves of the models, a panel for each class."""
    figure, panels = _panels(models, precision_recall_points, styles or model_styles(models))
    for axes in panels:
        axes.set(xlabel="recall")
    panels[0].set_ylabel("precision")
    return figure


@styled
def _panels(
    models: Mapping[str, Predictions], points: object, styles: Styles
) -> tuple[Figure, Sequence[Axes]]:
    """One panel per class that has a picture, or one of averages when the classes are many."""
    first = next(iter(models.values()))
    counts = np.bincount(first.labels, minlength=len(first.classes))
    held = [c for c, count in enumerate(counts) if 0 < count < len(first.labels)]
    single = len(held) > _PANELS or not held
    columns = 1 if single else min(3, len(held))
    rows = 1 if single else -(-len(held) // columns)
    # All figures have the same width, so that their text has the same size.
    figure = new_figure(8.4, 3.4 if single else 2.7 * rows + 0.8)
    panels = list(np.ravel(figure.subplots(rows, columns, squeeze=False)))
    for spare in panels[len(held) :] if not single else []:
        spare.remove()
    panels = panels[:1] if single else panels[: len(held)]
    for name, predictions in models.items():
        curves = [points(predictions, label) for label in held]  # type: ignore[operator]
        shown = [_average(curves)] if single and curves else curves
        for axes, curve in zip(panels, shown, strict=False):
            axes.plot(*curve, label=name, lw=1.4, **styles[name])
    titles = ["mean over classes"] if single else [first.classes[c] for c in held]
    for axes, title in zip(panels, titles, strict=True):
        axes.set(title=title, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    labels = panels[0].get_legend_handles_labels()
    if single:
        figure.legend(*labels, loc="outside right center")
    else:
        figure.legend(*labels, loc="outside lower center", ncols=3)
    return figure, panels


def _average(curves: Sequence[tuple[NDArray[np.float64], ...]]) -> tuple[NDArray[np.float64], ...]:
    """The mean of curves over a common grid (vertical averaging, Fawcett 2006)."""
    grid = np.linspace(0, 1, _POINTS)
    return grid, np.mean([np.interp(grid, x, y) for x, y in curves], axis=0)


def _thinned(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), _POINTS)).round().astype(np.int64))
    return x[keep], y[keep]
