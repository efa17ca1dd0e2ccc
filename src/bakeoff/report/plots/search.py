"""Figures of a hyper-parameter search."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from bakeoff.params.found import COLUMNS
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


@styled
def parallel_figure(trials: pd.DataFrame) -> Figure:
    """Each complete trial as a line over the parameters, coloured by kappa; the best is bold."""
    done = trials[trials["state"] == "complete"].sort_values("cohen_kappa", kind="stable")
    names = [str(name) for name in trials.columns if name not in COLUMNS]
    figure = new_figure(max(5.0, 1.5 + 1.2 * len(names)), 3.8)
    axes = figure.subplots()
    scales = [_heights(done[name]) for name in names]
    heights = np.stack([heights for heights, _ in scales], axis=1)
    shades = Normalize(*_span(done["cohen_kappa"]))
    colours = figure.colorbar(ScalarMappable(shades, "viridis"), ax=axes, label=_KAPPA).cmap
    for rank, (line, kappa) in enumerate(zip(heights, done["cohen_kappa"], strict=True), start=1):
        width = 2.5 if rank == len(done) else 0.8
        axes.plot(range(len(names)), line, color=colours(shades(kappa)), linewidth=width)
    for place, (_, texts) in enumerate(scales):
        for height, text in texts:
            axes.annotate(text, (place, height), (3, 0), textcoords="offset points", fontsize=7)
    axes.set(ylim=(-0.06, 1.06), yticks=[])
    axes.margins(x=0.08)
    axes.set_xticks(range(len(names)), [name.replace(".", "\n", 1) for name in names])
    return figure


def _span(kappas: pd.Series) -> tuple[float, float]:
    low, high = float(kappas.min()), float(kappas.max())
    return (low, high) if low < high else (low - 0.01, high + 0.01)


def _heights(values: pd.Series) -> tuple[NDArray[np.float64], list[tuple[float, str]]]:
    """Positions of values on an axis from 0 to 1, and the tick labels.

    Floats get a scale, logarithmic if they span more than a power of ten; everything else is a list
    of choices.
    """
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64)
    if np.isnan(numbers).any() or (numbers == numbers.round()).all():
        texts = sorted(set(values.map(str)), key=lambda text: (len(text), text))
        at = {text: i / max(len(texts) - 1, 1) for i, text in enumerate(texts)}
        return np.array([at[text] for text in values.map(str)]), [(h, t) for t, h in at.items()]
    low, high = numbers.min(), numbers.max()
    scale = np.log if low > 0 and high / low > 10 else np.asarray
    span = scale(high) - scale(low)
    ends = [(0.0, f"{low:.3g}"), (1.0, f"{high:.3g}")]
    return (scale(numbers) - scale(low)) / (span or 1.0), ends
