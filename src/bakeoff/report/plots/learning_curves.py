"""Loss and the monitored metric over the epochs, both sides, with the epoch that was kept."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from bakeoff.report.plots.figures import PALETTE, new_figure, styled


@styled
def learning_curves(history: Sequence[dict[str, Any]], best_epoch: int, monitor: str) -> Figure:
    """Two panels: log loss, and the metric that chose the epoch.

    Args:
        history: One row per epoch, each metric with and without `val_`.
        best_epoch: The epoch whose weights were kept.
        monitor: The metric that chose it, with or without `val_`.
    """
    chosen = monitor.removeprefix("val_")
    figure = new_figure(7.0, 2.8)
    epochs = [row["epoch"] for row in history]
    second = chosen if chosen not in ("loss", "objective") else "accuracy"
    for axes, metric in zip(figure.subplots(1, 2), ("loss", second), strict=True):
        for prefix, label, colour in (
            ("", "train", PALETTE[0]),
            ("val_", "validation", PALETTE[1]),
        ):
            values = [row[f"{prefix}{metric}"] for row in history]
            axes.plot(epochs, values, color=colour, marker=".", label=label)
        axes.axvline(best_epoch, color="#7F7F7F", linestyle="dotted", linewidth=1)
        _mark_phases(axes, history)
        axes.set_xlabel("epoch")
        axes.set_title(metric.replace("_", " "))
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.axes[0].legend()
    return figure


def _mark_phases(axes: Any, history: Sequence[dict[str, Any]]) -> None:
    for before, row in zip(history, history[1:], strict=False):
        if before["phase"] != row["phase"]:
            axes.axvline(row["epoch"] - 0.5, color="#7F7F7F", linewidth=1)
