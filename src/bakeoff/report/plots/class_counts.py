"""The census of the data, and the balance of classes over the sides of the split, as figures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bakeoff.report.plots.figures import PALETTE, new_figure, styled
from bakeoff.runtime.tables import SIDES, read_csv

_RATIOS = {
    **{f"1:{n}": 1 / n for n in (16, 8, 4, 2)},
    **{"2:3": 2 / 3, "3:4": 3 / 4, "1:1": 1.0, "4:3": 4 / 3, "3:2": 3 / 2},
    **{f"{n}:1": float(n) for n in (2, 4, 8, 16)},
}
_MOST_RATIOS = 8  # ticks that fit beside one another
_WIDTH = 7.0  # inches


@styled
def census_figures(folder: Path) -> dict[str, Figure]:
    """Draw `counts`, `modes`, `brightness`, `aspect_ratios` and `sizes` from `reports/data`."""
    counts, modes, sizes, facts = (
        read_csv(folder / f"{name}.csv") for name in ("counts", "modes", "sizes", "facts")
    )
    tall = 1.4 + 0.28 * len(counts)  # inches
    return {
        "counts": _drawn(tall, lambda axes: _counts(axes, counts)),
        "modes": _drawn(tall, lambda axes: _modes(axes, modes)),
        "brightness": _drawn(tall, lambda axes: _brightness(axes, facts)),
        "aspect_ratios": _drawn(tall, lambda axes: _aspect_ratios(axes, facts)),
        "sizes": _drawn(5.0, lambda axes: _sizes(axes, sizes)),
    }


def _drawn(height: float, draw: Callable[[Axes], None]) -> Figure:
    figure = new_figure(_WIDTH, height)
    draw(figure.add_subplot())
    return figure


def _counts(axes: Axes, counts: pd.DataFrame) -> None:
    drawn = axes.barh(counts["label"], counts["pictures"], color=PALETTE[0], label="pictures")
    axes.bar_label(drawn, padding=3)
    if (counts["groups"] < counts["pictures"]).any():
        axes.plot(counts["groups"], counts["label"], "o", color="#222222", label="groups")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel("usable pictures")


def _modes(axes: Axes, modes: pd.DataFrame) -> None:
    table = modes.pivot_table(index="label", columns="mode", values="pictures", fill_value=0)
    table = table[table.sum().sort_values(ascending=False, kind="stable").index]
    start = np.zeros(len(table))
    for number, mode in enumerate(table.columns):
        colour = colormaps["tab10"](number % 10)
        axes.barh(table.index, table[mode], left=start, color=colour, label=mode)
        start += table[mode].to_numpy()
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, frameon=False)
    axes.invert_yaxis()
    axes.set_xlabel("pictures, by the mode of their files")


def _boxes(axes: Axes, facts: pd.DataFrame, fact: str) -> pd.DataFrame:
    """A box for each class from quartile to quartile; whiskers hold 90 % of the pictures."""
    rows = facts[facts["fact"] == fact].sort_values("label")
    ends = {"q1": "lower_quartile", "med": "median", "q3": "upper_quartile"}
    ends |= {"whislo": "low", "whishi": "high"}
    boxes = [
        {"label": row["label"], "fliers": [row["least"], row["greatest"]]}
        | {name: row[quantile] for name, quantile in ends.items()}
        for row in rows.to_dict("records")
    ]
    axes.bxp(
        boxes,
        orientation="horizontal",
        widths=0.6,
        flierprops={"marker": ".", "markersize": 3, "markeredgecolor": PALETTE[0]},
        medianprops={"color": PALETTE[4]},
    )
    axes.invert_yaxis()
    return rows


def _brightness(axes: Axes, facts: pd.DataFrame) -> None:
    _boxes(axes, facts, "brightness")
    axes.set_xlim(0, 255)
    axes.set_xlabel("mean grey value of a picture (0 to 255)")


def _aspect_ratios(axes: Axes, facts: pd.DataFrame) -> None:
    rows = _boxes(axes, facts, "aspect_ratio")
    low = min(0.7, 0.9 * rows["least"].min())
    high = max(1.4, 1.1 * rows["greatest"].max())
    axes.set(xscale="log", xlim=(low, high))
    shown = {text: ratio for text, ratio in _RATIOS.items() if low <= ratio <= high}
    if len(shown) > _MOST_RATIOS:
        shown = {text: ratio for text, ratio in shown.items() if float(np.log2(ratio)).is_integer()}
    axes.set_xticks(list(shown.values()), list(shown))
    axes.set_xticks([], minor=True)
    axes.axvline(1, color="#bbbbbb", linewidth=0.8, zorder=0)
    axes.set_xlabel("width : height")


def _sizes(axes: Axes, sizes: pd.DataFrame) -> None:
    width, height = sizes["width"].to_numpy(), sizes["height"].to_numpy()
    area = 12 + 240 * sizes["pictures"].to_numpy() / sizes["pictures"].max()
    axes.scatter(width, height, s=area, color=PALETTE[0], alpha=0.5, linewidths=0)
    low = 0.8 * min(width.min(), height.min())
    high = 1.25 * max(width.max(), height.max())
    axes.plot([low, high], [low, high], color="#bbbbbb", linewidth=0.8, zorder=0)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.set_xlabel("width (pixels); larger dots stand for more pictures")
    axes.set_ylabel("height (pixels)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:.0f}")
        axis.set_minor_formatter("{x:.0f}" if high / low < 8 else "")


_MAX_CLASSES_SHOWN = 40


@styled
def balance_figure(counts: pd.DataFrame) -> Figure:
    """Bars of each class's share of each side, from `reports/split/counts.csv`."""
    per_class = counts[counts["class"] != "all"]
    table = per_class.pivot(index="class", columns="side", values="count")[list(SIDES)]
    table = table.loc[table.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    shown, hidden = table.iloc[:_MAX_CLASSES_SHOWN], max(0, len(table) - _MAX_CLASSES_SHOWN)
    shares = shown / table.sum()
    figure = new_figure(7, 1.6 + 0.5 * len(shown))
    axes = figure.add_subplot()
    rows = np.arange(len(shown))
    for number, side in enumerate(SIDES):
        drawn = axes.barh(
            rows + (number - 1) * 0.27,
            100 * shares[side],
            height=0.25,
            color=PALETTE[number],
            label=f"{side} ({int(table[side].sum())} pictures)",
        )
        axes.bar_label(drawn, labels=[str(count) for count in shown[side]], padding=2, fontsize=8)
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
