"""Style, colours and saving, shared by all figures."""

import io
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from bakeoff.report.plots.fonts import families, tell_missing
from bakeoff.runtime.files import writing_file

# Okabe and Ito's palette for colour-blind readers, without black, which the text uses.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C6D31", "#7F7F7F")
DASHES = (("solid", "dotted"), ("dashed", "dashdot"))  # of networks and forests; of regressions
REGRESSION = "logistic_"  # in front of the name of the network that it stands on
DPI = 110  # of pictures in files

Styles = Mapping[str, Mapping[str, str]]
"""Matplotlib's `color` and `linestyle` of each model."""

P = ParamSpec("P")
R = TypeVar("R")

_STYLE: Any = {
    "font.family": list(families()),
    "text.parse_math": False,  # a class may be called $5-$10
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.hashsalt": "bakeoff",
    "svg.fonttype": "none",  # text, not outlines: smaller, selectable, and its colour can change
}


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Apply the style while a figure is drawn, when Matplotlib reads its settings."""

    @wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(_STYLE):
            return function(*args, **kwargs)

    return inner


def model_styles(names: Collection[str]) -> dict[str, dict[str, str]]:
    """Colour and dashes of each model, the same in every figure that is given the same names.

    A regression has the colour of the network whose features it uses, and dashes. Distinct for the
    first 16 networks and forests.
    """
    bases = dict.fromkeys(name.removeprefix(REGRESSION) for name in names)
    places = {base: place for place, base in enumerate(bases)}
    styles = {}
    for name in names:
        turn, colour = divmod(places[name.removeprefix(REGRESSION)], len(PALETTE))
        dashes = DASHES[name.startswith(REGRESSION)][turn % 2]
        styles[name] = {"color": PALETTE[colour], "linestyle": dashes}
    return styles


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches, with a constrained layout."""
    return Figure((width, height), layout="constrained")


def save_png(figure: Figure, path: Path) -> None:
    """Save as PNG on white."""
    with writing_file(path) as partial:
        partial.write_bytes(to_png(figure))


@styled
def to_png(figure: Figure, dpi: int = DPI) -> bytes:
    """The bytes of a PNG file on white, without dates or versions."""
    figure.set_dpi(dpi)
    stream = io.BytesIO()
    with _missing_glyphs_reported():
        # `Figure.savefig` draws everything twice.
        FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None})
    figure.set_layout_engine("none")  # a second file has the same layout; it takes half the time
    return stream.getvalue()


@contextmanager
def _missing_glyphs_reported() -> Iterator[None]:
    """Say in one sentence which characters no font has, instead of a warning for each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    missing = [str(warning.message) for warning in caught if "missing from" in str(warning.message)]
    if missing:
        tell_missing("".join(sorted({chr(int(text.split()[1])) for text in missing})))


@styled
def to_svg(figure: Figure) -> str:
    """The figure as an `<svg>` element to embed in a page.

    Text and axes have the page's text colour and the background is transparent, so that it is
    legible in light and dark mode.
    """
    stream = io.StringIO()
    patches = [figure.patch, *(axes.patch for axes in figure.axes)]
    colours = [patch.get_facecolor() for patch in patches]
    for patch in patches:
        patch.set_facecolor("none")
    with _missing_glyphs_reported():
        FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None})
    for patch, colour in zip(patches, colours, strict=True):
        patch.set_facecolor(colour)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Paths and texts without a colour of their own are black by the standard.
    svg = svg.replace("#000000", "currentColor")
    return svg.replace("<svg ", '<svg style="fill: currentColor" ', 1).rstrip()
