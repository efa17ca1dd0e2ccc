"""Accuracy against cost, scores per class, and reliability diagrams."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from bakeoff.report.hardest_classes import shown_classes
from bakeoff.report.plots.figures import PALETTE, Styles, model_styles, new_figure, styled
from bakeoff.scoring.probability_scores import Reliability

MOST_CLASSES = 25  # of which recall and precision are drawn
_MARKERS = {"solid": "o", "dotted": "D", "dashed": "s", "dashdot": "P"}  # by a model's dashes


@styled
def cost_figure(table: pd.DataFrame, styles: Styles | None = None) -> Figure:
    """Accuracy with its interval against time to predict and time to train.

    Names are in a legend, best first, because labels beside tied points would overlap. Rows without
    a measured time are left out of that panel. Models on the Pareto front of the first panel are
    filled and joined.
    """
    figure = new_figure(8.4, 4.4)
    panels = figure.subplots(1, 2, sharey=True)
    training = table["fit_seconds"] + table["feature_seconds"]
    costs = (table["predict_ms_batch"], training)
    known = (costs[0] > 0) | (costs[1] > 0)
    if known.any():
        for axes, cost in zip(panels, costs, strict=True):
            known_cost = table[known].assign(cost=cost[known])
            _scatter(axes, known_cost, styles or model_styles(list(table["model"])))
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    front = table[table["pareto"]].sort_values("predict_ms_batch")
    panels[0].step(
        front["predict_ms_batch"], front["accuracy"], where="post", color="0.6", lw=0.8, zorder=0
    )
    panels[0].set(xlabel="milliseconds a picture, in batches", ylabel="accuracy")
    panels[1].set(xlabel="seconds to train, features included")
    for axes, cost in zip(panels, costs, strict=True):
        if not (cost > 0).any():
            axes.xaxis.set_major_locator(NullLocator())
            axes.text(0.5, 0.5, "not measured here", transform=axes.transAxes, ha="center")
    return figure


def _scatter(axes: Axes, models: pd.DataFrame, styles: Styles) -> None:
    for row in models.to_dict("records"):
        colour, dashes = (styles[row["model"]][key] for key in ("color", "linestyle"))
        low, high = row["accuracy"] - row["accuracy_low"], row["accuracy_high"] - row["accuracy"]
        axes.errorbar(
            row["cost"] if row["cost"] > 0 else np.nan, row["accuracy"],
            yerr=np.nan_to_num([[low], [high]]).clip(0),
            fmt=_MARKERS[dashes], ms=6, lw=0.8, color=colour,
            mfc=colour if row["pareto"] else "none", label=row["model"],
        )  # fmt: skip
    axes.set_xscale("log")
    axes.margins(x=0.12)
    low, high = axes.get_xlim()
    steps = (1, 1.5, 2, 3, 5, 7) if high < 20 * low else (1, 2, 5) if high < 1000 * low else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=steps, numticks=12))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())


@styled
def per_class_figure(
    models: Mapping[str, Mapping[str, NDArray[np.float64]]],
    classes: Sequence[str],
    styles: Styles | None = None,
) -> Figure:
    """Recall and precision of each class, shape `(k,)` each, a dot for each model.

    Of many classes, those with the lowest recall are shown, the lowest at the top.
    """
    styles = styles or model_styles(models)
    shown = shown_classes((values["recall"] for values in models.values()), MOST_CLASSES)
    height = 0.2 + 0.045 * len(models)  # inches, of a class
    legend = 0.2 * -(-len(models) // 3)
    figure = new_figure(8.4, 0.9 + height * len(shown) + legend)
    panels: Any = figure.subplots(1, 2, sharey=True)
    rows = np.arange(len(shown))
    # Models stand one below the other within a class, so that equal scores do not hide each other.
    offsets = (np.arange(len(models)) - (len(models) - 1) / 2) * 0.7 / len(models)
    for axes, score in zip(panels, ("recall", "precision"), strict=True):
        for offset, (name, values) in zip(offsets, models.items(), strict=True):
            colour, dashes = (styles[name][key] for key in ("color", "linestyle"))
            axes.plot(
                values[score][shown], rows + offset, _MARKERS[dashes],
                ms=4, color=colour, mfc=colour if dashes == "solid" else "none", label=name,
            )  # fmt: skip
        axes.set(xlabel=score, xlim=(-0.03, 1.03))
        axes.hlines(rows[1:] - 0.5, -0.03, 1.03, color="0.8", lw=0.6)
        axes.grid(visible=False, axis="y")
    panels[0].set_yticks(rows, [classes[place] for place in shown])
    panels[0].set_ylim(len(shown) - 0.5, -0.5)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


@styled
def reliability_figure(
    models: Mapping[str, tuple[Reliability, Reliability]], *, errors: bool = True
) -> Figure:
    """Reliability diagrams, a panel for each model: grey before calibration, blue after.

    Above each are the expected calibration errors before and after, if `errors` asks for them.
    Points are bins of confidence; their area grows with the number of pictures. On the diagonal, 70
    % of the predictions with confidence 70 % are correct.
    """
    columns = 4
    rows = -(-len(models) // columns)
    figure = new_figure(8.4, 2.5 * rows)
    panels = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for spare in panels[len(models) :]:
        spare.remove()
    for axes, (name, (before, after)) in zip(panels, models.items(), strict=False):
        axes.plot([0, 1], [0, 1], color="0.6", lw=0.8, zorder=0)
        for bins, colour in ((before, "0.6"), (after, PALETTE[0])):
            sizes = 4 + 90 * bins.counts / bins.counts.sum()
            axes.scatter(bins.confidence, bins.accuracy, sizes, color=colour, lw=0)
        both = (f"{b.expected_calibration_error:.3f}" for b in (before, after))
        axes.set_title(f"{name}\n{' → '.join(both)}" if errors else name, fontsize=8)
        axes.set(xlim=(0, 1.03), ylim=(-0.03, 1.03), aspect="equal")
        axes.set(xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        axes.set_xlabel("confidence", fontsize=8)
        axes.set_ylabel("share right", fontsize=8)
    return figure
