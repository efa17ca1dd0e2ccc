"""How good, against what it costs, and class by class."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from bakeoff.evidence.plots.figures import PALETTE, line_style, new_figure, styled

# Width of a letter of a name, as a share of a panel's width.
_LETTER = 0.0165


@styled
def cost_figure(table: pd.DataFrame) -> Figure:
    """Accuracy with its interval against time to predict and time to train.

    Args:
        table: The comparison; rows without a measured time are left out of that panel. Models on
            the Pareto front of the first panel are filled and joined.
    """
    figure = new_figure(8.4, 3.8)
    panels = figure.subplots(1, 2, sharey=True)
    training = table["fit_seconds"] + table["feature_seconds"]
    _scatter(panels[0], table, table["predict_ms_batch"])
    _scatter(panels[1], table, training)
    front = table[table["pareto"]].sort_values("predict_ms_batch")
    panels[0].step(
        front["predict_ms_batch"], front["accuracy"], where="post", color="0.6", lw=0.8, zorder=0
    )
    panels[0].set(xlabel="milliseconds a picture, in batches", ylabel="test accuracy")
    panels[1].set(xlabel="seconds to train, features included")
    return figure


def _scatter(axes: Axes, table: pd.DataFrame, cost: pd.Series) -> None:
    known = table[cost.notna() & (cost > 0)].assign(cost=cost).sort_values("accuracy")
    if known.empty:
        return
    for row in known.to_dict("records"):
        bars = np.nan_to_num(
            [[row["accuracy"] - row["accuracy_low"]], [row["accuracy_high"] - row["accuracy"]]]
        ).clip(0)
        face = PALETTE[0] if row["pareto"] else "none"
        axes.errorbar(
            row["cost"], row["accuracy"], yerr=bars, fmt="o", ms=6, lw=0.8,
            color=PALETTE[0], mfc=face,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    _name_points(axes, known, 0.045 * (high - low))


def _name_points(axes: Axes, known: pd.DataFrame, apart: float) -> None:
    """Write each model's name towards the middle of the panel, above any that is in its way.

    Args:
        axes: The panel, its limits set.
        known: Rows with `model`, `accuracy` and `cost`, by accuracy.
        apart: Height of a line, in accuracy.
    """
    left, right = np.log(axes.get_xlim())
    written: list[tuple[float, float, float]] = []  # from, to (shares of the width), height
    for row in known.to_dict("records"):
        at = (np.log(row["cost"]) - left) / (right - left)
        inwards = 1 if at <= 0.5 else -1
        ends = sorted((at, at + inwards * (0.02 + _LETTER * len(str(row["model"])))))
        height = row["accuracy"]
        for begin, end, taken in sorted(written, key=lambda name: name[2]):
            if begin < ends[1] and ends[0] < end and abs(height - taken) < apart:
                height = taken + apart
        written.append((ends[0], ends[1], height))
        axes.annotate(
            str(row["model"]),
            (row["cost"], height),
            (8 * inwards, 0),
            textcoords="offset points",
            ha="left" if inwards > 0 else "right",
            va="center",
            fontsize=7.5,
        )


@styled
def per_class_figure(
    models: Mapping[str, Mapping[str, NDArray[np.float64]]], classes: Sequence[str]
) -> Figure:
    """Recall and precision of each class, a bar for each model.

    Args:
        models: By name, the scores per class, `recall` and `precision` of shape `(k,)`.
        classes: The class names.
    """
    figure = new_figure(max(8.4, min(24.0, 1.6 + 0.16 * len(models) * len(classes))), 4.4)
    panels: Any = figure.subplots(2, 1, sharex=True)
    width = 0.84 / len(models)
    for axes, score in zip(panels, ("recall", "precision"), strict=True):
        for index, (name, values) in enumerate(models.items()):
            style = line_style(index)
            axes.bar(
                np.arange(len(classes)) + (index - (len(models) - 1) / 2) * width,
                np.nan_to_num(values[score]),
                width * 0.92,
                label=name,
                color=style["color"],
                alpha=1.0 if style["linestyle"] == "solid" else 0.55,
            )
        axes.set(ylabel=score, ylim=(0, 1))
        axes.grid(visible=False, axis="x")
    many = sum(map(len, classes)) > 70
    panels[1].set_xticks(
        range(len(classes)), classes, rotation=60 if many else 0, ha="right" if many else "center"
    )
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
