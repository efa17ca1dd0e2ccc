"""The census as pictures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_BLUE = "#4477aa"
_RATIOS = {
    **{f"1:{n}": 1 / n for n in (16, 8, 4, 2)},
    **{"2:3": 2 / 3, "3:4": 3 / 4, "1:1": 1.0, "4:3": 4 / 3, "3:2": 3 / 2},
    **{f"{n}:1": float(n) for n in (2, 4, 8, 16)},
}
_MOST_RATIOS = 8  # ticks that fit beside one another
_WIDTH = 7.0  # inches


def write_plots(
    folder: Path, pictures: pd.DataFrame, counts: pd.DataFrame, modes: pd.DataFrame
) -> None:
    """Write `counts`, `sizes`, `aspect_ratios`, `brightness` and `modes`, all `.png`.

    Args:
        folder: an existing folder.
        pictures: the manifest with `aspect_ratio` and `brightness`.
        counts: `label`, `pictures`, `groups`.
        modes: `label`, `mode`, `pictures`.
    """
    tall = 1.4 + 0.28 * len(counts)  # inches
    _write(folder / "counts.png", tall, lambda axes: _counts(axes, counts))
    _write(folder / "modes.png", tall, lambda axes: _modes(axes, modes))
    _write(folder / "brightness.png", tall, lambda axes: _brightness(axes, pictures))
    _write(folder / "aspect_ratios.png", tall, lambda axes: _aspect_ratios(axes, pictures))
    _write(folder / "sizes.png", 5.0, lambda axes: _sizes(axes, pictures))


def _write(path: Path, height: float, draw: Callable[[Axes], None]) -> None:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes)
    # Without the metadata the same data give the same bytes under every Matplotlib.
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _counts(axes: Axes, counts: pd.DataFrame) -> None:
    bars = axes.barh(counts["label"], counts["pictures"], color=_BLUE, label="pictures")
    axes.bar_label(bars, padding=3)
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


def _boxes(axes: Axes, pictures: pd.DataFrame, fact: str) -> None:
    """A box for each class; whiskers reach 1.5 quartile distances, further pictures are dots."""
    labels = sorted(pictures["label"].unique())
    axes.boxplot(
        [pictures.loc[pictures["label"] == label, fact] for label in labels],
        orientation="horizontal",
        tick_labels=labels,
        widths=0.6,
        flierprops={"marker": ".", "markersize": 3, "markeredgecolor": _BLUE},
        medianprops={"color": "#cc3311"},
    )
    axes.invert_yaxis()


def _brightness(axes: Axes, pictures: pd.DataFrame) -> None:
    _boxes(axes, pictures, "brightness")
    axes.set_xlim(0, 255)
    axes.set_xlabel("mean grey value of a picture (0 to 255)")


def _aspect_ratios(axes: Axes, pictures: pd.DataFrame) -> None:
    _boxes(axes, pictures, "aspect_ratio")
    low = min(0.7, 0.9 * pictures["aspect_ratio"].min())
    high = max(1.4, 1.1 * pictures["aspect_ratio"].max())
    axes.set(xscale="log", xlim=(low, high))
    shown = {text: ratio for text, ratio in _RATIOS.items() if low <= ratio <= high}
    if len(shown) > _MOST_RATIOS:
        shown = {text: ratio for text, ratio in shown.items() if float(np.log2(ratio)).is_integer()}
    axes.set_xticks(list(shown.values()), list(shown))
    axes.set_xticks([], minor=True)
    axes.axvline(1, color="#bbbbbb", linewidth=0.8, zorder=0)
    axes.set_xlabel("width : height")


def _sizes(axes: Axes, pictures: pd.DataFrame) -> None:
    sizes = pictures.groupby(["width", "height"]).size()
    width = sizes.index.get_level_values("width").to_numpy()
    height = sizes.index.get_level_values("height").to_numpy()
    area = 12 + 240 * sizes.to_numpy() / sizes.max()
    axes.scatter(width, height, s=area, color=_BLUE, alpha=0.5, linewidths=0)
    low = 0.8 * min(width.min(), height.min())
    high = 1.25 * max(width.max(), height.max())
    axes.plot([low, high], [low, high], color="#bbbbbb", linewidth=0.8, zorder=0)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.set_xlabel("width (pixels); larger dots stand for more pictures")
    axes.set_ylabel("height (pixels)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:.0f}")
        axis.set_minor_formatter("{x:.0f}" if high / low < 8 else "")
