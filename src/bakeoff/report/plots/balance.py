"""Class balance over the sides of the split."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bakeoff.report.plots.figures import PALETTE, new_figure, styled
from bakeoff.runtime.tables import SIDES

_MAX_CLASSES_SHOWN = 40


@styled
def balance_figure(counts: pd.DataFrame) -> Figure:
    """Bars of each class's share of each side; in a stratified split they have equal length.

    Args:
        counts: `reports/split/counts.csv`.
    """
    per_class = counts[counts["class"] != "all"]
    table = per_class.pivot(index="class", columns="side", values="count")[list(SIDES)]
    table = table.loc[table.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    shown, hidden = table.iloc[:_MAX_CLASSES_SHOWN], max(0, len(table) - _MAX_CLASSES_SHOWN)
    shares = shown / table.sum()
    figure = new_figure(7, 1.6 + 0.5 * len(shown))
    axes = figure.add_subplot()
    rows = np.arange(len(shown))
    for number, side in enumerate(SIDES):
        bars = axes.barh(
            rows + (number - 1) * 0.27,
            100 * shares[side],
            height=0.25,
            color=PALETTE[number],
            label=f"{side} ({int(table[side].sum())} pictures)",
        )
        axes.bar_label(bars, labels=[str(count) for count in shown[side]], padding=2, fontsize=8)
    axes.set_yticks(rows, [str(label) for label in shown.index])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.1)
    axes.set_xlabel("share of the side's pictures (%)")
    axes.set_title(
        "Class balance by side" + (f" ({hidden} smaller classes left out)" * bool(hidden))
    )
    axes.legend(loc="best")
    return figure
