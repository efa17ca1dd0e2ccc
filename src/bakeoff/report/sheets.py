"""Contact sheets of captioned pictures, and maps drawn over pictures."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bakeoff.report.plots.fonts import font_file
from bakeoff.runtime.files import writing_file

_SIDE, _GAP, _CAPTION = 170, 10, 40  # pixels
_LETTERS = 28  # in a line of a caption
_LINE = 16  # pixels
_MOST_LINES = 4


@dataclass(frozen=True)
class Captioned:
    """A picture, uint8 `(h, w, 1 | 3)`, and its caption."""

    picture: NDArray[np.uint8]
    caption: str
    image_id: str = ""


def contact_sheet(pictures: Sequence[Captioned], columns: int = 6) -> Image.Image:
    """Pictures in rows, captions below, on white; an empty picture leaves its cell white."""
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    texts = [
        textwrap.wrap(shown.caption, _LETTERS, max_lines=_MOST_LINES, placeholder=" …")
        for shown in pictures
    ]
    caption = max(_CAPTION, *(3 + _LINE * len(lines) for lines in texts))
    cell = (_SIDE + _GAP, _SIDE + caption)
    sheet = Image.new("RGB", (columns * cell[0] + _GAP, rows * cell[1] + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for index, shown in enumerate(pictures):
        if not shown.picture.size:
            continue
        row, column = divmod(index, columns)
        place = (_GAP + column * cell[0], _GAP + row * cell[1])
        picture = shown.picture[..., 0] if shown.picture.shape[2] == 1 else shown.picture
        image = Image.fromarray(picture).convert("RGB")
        image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
        sheet.paste(image, place)
        text = "\n".join(texts[index])
        font = ImageFont.truetype(str(font_file(text)), 11)
        draw.text((place[0], place[1] + _SIDE + 3), text, fill="black", font=font)
    return sheet


def save_contact_sheet(pictures: Sequence[Captioned], path: Path, columns: int = 6) -> None:
    """Save a contact sheet as PNG."""
    with writing_file(path) as partial:
        contact_sheet(pictures, columns).save(partial, "PNG", compress_level=1)


def overlay(picture: NDArray[np.uint8], heat: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Draw a map over a picture, uint8 `(h, w, 1 | 3)`, transparent where it is low.

    The map, shape `(a, b)` in 0..1, is enlarged bilinearly; the result is uint8 `(h, w, 3)`.
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
    """A map in colours, uint8 `(side, side, 3)`; its largest value is the brightest."""
    scaled = heat / heat.max() if heat.max() > 0 else heat
    colours = (mpl.colormaps["inferno"](scaled)[..., :3] * 255).round().astype(np.uint8)
    return np.asarray(Image.fromarray(colours).resize((side, side), Image.Resampling.NEAREST))
