"""Figures of a hyper-parameter search."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bakeoff.report.plots.figures import PALETTE, new_figure, styled

_KAPPA = "validation kappa"
_MARKS = {"complete": ("o", PALETTE[0]), "pruned": ("x", PALETTE[1])}


@styled
def history_figure(trials: pd.DataFrame) -> Figure:
    """Each trial's kappa, and the best so far; trials without a result are left out."""
    figure = new_figure(7.0, 3.2)
    axes = figure.subplots()
    for state, (marker, colour) in _MARKS.items():
        rows = trials[trials["state"] == state]
        if len(rows):
            axes.scatter(
                rows["number"], rows["cohen_kappa"], s=18, marker=marker, color=colour, label=state
            )
    best = trials["cohen_kappa"].where(trials["state"] == "complete").cummax()
    axes.step(trials["number"], best, where="post", color=PALETTE[2], label="best so far")
    axes.set(xlabel="trial", ylabel=_KAPPA)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


@styled
def importance_figure(importances: Mapping[str, float]) -> Figure:
    """A bar for each parameter, the most important on top."""
    figure = new_figure(6.0, 1.0 + 0.3 * len(importances))
    axes = figure.subplots()
    names = list(importances)[::-1]
    axes.barh(names, [importances[name] for name in names], color=PALETTE[0])
    axes.set(xlabel="share of the variance of kappa", xlim=(0, 1))
    axes.grid(visible=False, axis="y")
    return figure
