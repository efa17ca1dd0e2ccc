"""Pictures with something said about them: galleries, and maps drawn over them."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from bakeoff.plots.figures import new_figure, styled

_COLUMNS = 6


@dataclass(frozen=True)
class Captioned:
    """A picture, uint8 `(h, w, 1 | 3)`, and what is said of it."""

    picture: NDArray[np.uint8]
    caption: str
    image_id: str = ""


@styled
def gallery_figure(pictures: Sequence[Captioned], title: str) -> Figure:
    """Pictures in rows of six, captions above."""
    columns = min(_COLUMNS, max(1, len(pictures)))
    rows = max(1, -(-len(pictures) // columns))
    figure = new_figure(1.7 * columns + 0.2, 2.05 * rows + 0.4)
    panels = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for axes in panels:
        axes.set_axis_off()
    for axes, shown in zip(panels, pictures, strict=False):
        picture = shown.picture[..., 0] if shown.picture.shape[2] == 1 else shown.picture
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
        axes.set_title(shown.caption, fontsize=7)
    figure.suptitle(title, fontsize=9)
    return figure


def overlay(picture: NDArray[np.uint8], heat: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Draw a map over a picture, see-through where it is low.

    Args:
        picture: uint8 `(h, w, 1 | 3)`.
        heat: Shape `(a, b)` in 0..1; enlarged to the picture, bilinear.

    Returns:
        uint8 `(h, w, 3)`.
    """
    height, width = picture.shape[:2]
    large = np.asarray(
        Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    )
    colours = mpl.colormaps["inferno"](np.clip(large, 0, 1))[..., :3] * 255
    opacity = 0.65 * np.clip(large, 0, 1)[..., None]
    ground = np.broadcast_to(picture, (height, width, 3))
    mixed = ground * (1 - opacity) + colours * opacity
    return mixed.round().astype(np.uint8)


def coloured(heat: NDArray[np.floating], side: int) -> NDArray[np.uint8]:
    """A map alone in colours, uint8 `(side, side, 3)`, its largest value brightest."""
    scaled = heat / heat.max() if heat.max() > 0 else heat
    colours = (mpl.colormaps["inferno"](scaled)[..., :3] * 255).round().astype(np.uint8)
    return np.asarray(Image.fromarray(colours).resize((side, side), Image.Resampling.NEAREST))
