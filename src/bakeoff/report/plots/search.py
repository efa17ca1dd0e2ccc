"""What a search tried and what came of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from bakeoff.params.tuning import Searched
from bakeoff.report.plots.figures import PALETTE, new_figure, styled

_KAPPA = "validation kappa"
_MARKS = {"complete": ("o", PALETTE[0]), "pruned": ("x", PALETTE[1])}


@styled
def history_figure(trials: pd.DataFrame) -> Figure:
    """Each trial's kappa, and the best so far.

    Args:
        trials: The rows of `trials.csv`; trials without a result are left out.
    """
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
def parallel_figure(trials: pd.DataFrame, space: Sequence[Searched]) -> Figure:
    """Each complete trial as a line over the parameters, coloured by its kappa; the best is bold.

    Args:
        trials: The rows of `trials.csv`.
        space: What was searched; each parameter has an axis of its own scale.
    """
    done = trials[trials["state"] == "complete"].sort_values("cohen_kappa", kind="stable")
    figure = new_figure(max(5.0, 1.5 + 1.2 * len(space)), 3.8)
    axes = figure.subplots()
    heights = np.stack([_heights(done[s.path], s)[0] for s in space], axis=1)
    shades = Normalize(*_span(done["cohen_kappa"]))
    colours = figure.colorbar(_shading(shades), ax=axes, label=_KAPPA).cmap
    for rank, (line, kappa) in enumerate(zip(heights, done["cohen_kappa"], strict=True), start=1):
        width = 2.5 if rank == len(done) else 0.8
        axes.plot(range(len(space)), line, color=colours(shades(kappa)), linewidth=width)
    for place, searched in enumerate(space):
        for height, text in _heights(done[searched.path], searched)[1]:
            axes.annotate(text, (place, height), (3, 0), textcoords="offset points", fontsize=7)
    axes.set(ylim=(-0.06, 1.06), yticks=[])
    axes.margins(x=0.08)
    names = [searched.path.replace(".", "\n", 1) for searched in space]
    axes.set_xticks(range(len(space)), names)
    return figure


def _shading(shades: Normalize) -> Any:
    from matplotlib.cm import ScalarMappable

    return ScalarMappable(shades, "viridis")


def _span(kappas: pd.Series) -> tuple[float, float]:
    low, high = float(kappas.min()), float(kappas.max())
    return (low, high) if low < high else (low - 0.01, high + 0.01)


def _heights(
    values: pd.Series, searched: Searched
) -> tuple[NDArray[np.float64], list[tuple[float, str]]]:
    """Where values stand on an axis from 0 to 1, and what is written where."""
    if searched.dimension.choices is not None:
        texts = list(dict.fromkeys(values.map(str)))
        texts.sort(key=lambda text: (len(text), text))
        at = {text: i / max(len(texts) - 1, 1) for i, text in enumerate(texts)}
        heights = np.array([at[text] for text in values.map(str)])
        return heights, [(h, t) for t, h in at.items()]
    numbers = np.array(values, np.float64)
    scale = np.log if searched.dimension.log else np.asarray
    low, high = (float(end) for end in searched.dimension.ends())
    # The values as given may lie outside the range.
    low, high = min(low, *numbers), max(high, *numbers)
    if searched.dimension.log and low <= 0:
        low = float(searched.dimension.ends()[0])
    numbers = (scale(np.maximum(numbers, low)) - scale(low)) / (scale(high) - scale(low))
    return numbers, [(0.0, f"{low:.3g}"), (1.0, f"{high:.3g}")]
