"""Small pictures of each class, for the terminal and for a page."""

import base64
import html
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from bakeoff.adopt.samples import Samples
from bakeoff.adopt.tried_reading import TriedReading
from bakeoff.pictures.decoding import decode
from bakeoff.pictures.picture_error import PictureError
from bakeoff.runtime.errors import quoted
from bakeoff.runtime.files import write_text
from bakeoff.runtime.layout import REPORTS

_CELLS = 16  # columns of the terminal that a thumbnail takes; as many pixels
_SIDE = 112  # pixels, on the page
_EACH = 8  # pictures of a class, on the page


def of_each_class(trial: TriedReading, samples: Samples, most: int) -> dict[str, list[Image.Image]]:
    """At most so many decoded pictures of each class; classes without one are left out."""
    found: dict[str, list[Image.Image]] = {}
    labels = trial.labels
    for path in sorted(samples.content, key=lambda path: (labels[path], path)):
        own = found.setdefault(labels[path], [])
        if len(own) < most:
            try:
                own.append(decode(samples.content[path], "RGB"))
            except PictureError:
                continue
    return {label: pictures for label, pictures in found.items() if pictures}


def terminal_row(trial: TriedReading, samples: Samples, columns: int) -> list[str]:
    """One row of thumbnails with the names of their classes, in 24-bit colours."""
    shown = list(of_each_class(trial, samples, 1).items())[: columns // (_CELLS + 1)]
    small = [_square(pictures[0], _CELLS) for _, pictures in shown]
    lines = [" ".join(_line(picture, y) for picture in small) for y in range(0, _CELLS, 2)]
    names = " ".join(f"{quoted(label, _CELLS):<{_CELLS}}" for label, _ in shown)
    return [*lines, names] if shown else []


def _square(picture: Image.Image, side: int) -> Image.Image:
    """The picture within a white square."""
    picture = picture.copy()
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (side, side), "white")
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square


def _line(picture: Image.Image, y: int) -> str:
    """Two rows of pixels in one line: the upper half of a cell has its own colour."""
    cells = []
    for x in range(picture.width):
        upper, lower = (";".join(map(str, _rgb(picture, x, y + row))) for row in (0, 1))
        cells.append(f"\x1b[38;2;{upper};48;2;{lower}m\u2580")
    return "".join(cells) + "\x1b[0m"


def _rgb(picture: Image.Image, x: int, y: int) -> Sequence[int]:
    value = picture.getpixel((x, y))
    return value if isinstance(value, tuple) else (0, 0, 0)


def write_page(
    name: str, place: str, lines: Sequence[str], trial: TriedReading, samples: Samples
) -> Path:
    """Write the page of a data set; returns its path."""
    path = REPORTS / "adopt" / f"{name}.html"
    write_text(path, page(f"{name}: {place}", lines, trial, samples))
    return path


def page(title: str, lines: Sequence[str], trial: TriedReading, samples: Samples) -> str:
    """What was recognised, with a row of pictures for each class, as one HTML file."""
    rows = "\n".join(_rows(trial, samples))
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{html.escape(title)}</title>
<style>
body {{ font: 16px/1.4 system-ui, sans-serif; margin: 1rem auto; max-width: 60rem }}
pre {{ overflow-x: auto; background: #f4f4f4; padding: 1rem }}
img {{ width: {_SIDE}px; height: {_SIDE}px }}
</style>
<h1>{html.escape(title)}</h1>
<pre>{html.escape(chr(10).join(lines))}</pre>
{rows}
</html>
"""


def _rows(trial: TriedReading, samples: Samples) -> Iterator[str]:
    counts = trial.counts
    for label, pictures in of_each_class(trial, samples, _EACH).items():
        name = html.escape(label)
        images = "".join(
            f'<img alt="{name}" src="data:image/jpeg;base64,{_jpeg(picture)}">\n'
            for picture in pictures
        )
        yield f"<h2>{name}: {counts[label]} pictures</h2>\n{images}"


def _jpeg(picture: Image.Image) -> str:
    stream = io.BytesIO()
    _square(picture, _SIDE).save(stream, "JPEG", quality=80)
    return base64.b64encode(stream.getvalue()).decode()
