"""Calibration: reliability diagrams."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from bakeoff.report.plots.figures import PALETTE, new_figure, styled
from bakeoff.scoring.probability_scores import Reliability


@styled
def reliability_figure(models: Mapping[str, tuple[Reliability, Reliability]]) -> Figure:
    """Reliability diagrams, a panel for each model: grey before calibration, blue after.

    Points are bins of confidence; their area grows with the number of pictures. On the diagonal,
    70 % of the predictions with confidence 70 % are correct.

    Args:
        models: By name, before and after temperature scaling.
    """
    columns = 4
    rows = -(-len(models) // columns)
    figure = new_figure(8.4, 2.3 * rows)
    panels = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for spare in panels[len(models) :]:
        spare.remove()
    for axes, (name, (before, after)) in zip(panels, models.items(), strict=False):
        axes.plot([0, 1], [0, 1], color="0.6", lw=0.8, zorder=0)
        for bins, colour, label in ((before, "0.6", "before"), (after, PALETTE[0], "after")):
            sizes = 4 + 90 * bins.counts / bins.counts.sum()
            text = f"{label} {bins.expected_calibration_error:.3f}"
            axes.scatter(bins.confidence, bins.accuracy, sizes, color=colour, lw=0, label=text)
        axes.set_title(name, fontsize=9)
        axes.set(xlim=(0, 1.03), ylim=(-0.03, 1.03), aspect="equal")
        axes.set(xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        axes.set_xlabel("confidence", fontsize=8)
        axes.set_ylabel("share right", fontsize=8)
        axes.legend(loc="upper left", fontsize=7, handletextpad=0.2, borderaxespad=0.1)
    return figure
