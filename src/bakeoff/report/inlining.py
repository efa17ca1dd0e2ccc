"""Pictures embedded in a page: small JPEG files as data URIs."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from bakeoff.report.plots.figures import to_png
from bakeoff.report.sheets import Captioned


@dataclass(frozen=True)
class Inlined:
    """A picture as a data URI, with its caption."""

    uri: str
    caption: str
    image_id: str


@dataclass(frozen=True)
class Thumbnails:
    """Size and quality of embedded pictures."""

    side: int  # pixels, the longer side
    quality: int  # JPEG, 1..95

    def inline(self, pictures: Sequence[Captioned]) -> list[Inlined]:
        """Embed pictures with their captions."""
        return [Inlined(self.uri(p.picture), p.caption, p.image_id) for p in pictures]

    def uri(self, picture: NDArray[np.uint8]) -> str:
        """A picture, uint8 `(h, w, 1 | 3)`, as a `data:` URI of a JPEG file."""
        image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
        if _is_grey(picture):
            image = image.convert("L")
        image.thumbnail((self.side, self.side), Image.Resampling.LANCZOS)
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=self.quality, optimize=True)
        return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()

    def figure_uri(self, figure: Figure) -> str:
        """A figure as a `data:` URI of a PNG file on white."""
        return "data:image/png;base64," + base64.b64encode(to_png(figure, dpi=85)).decode()


def _is_grey(picture: NDArray[np.uint8]) -> bool:
    """Whether the three channels are equal; such pictures need a third of the bytes."""
    same = picture.shape[2] == 3 and np.array_equal(picture[..., 0], picture[..., 1])
    return bool(same and np.array_equal(picture[..., 0], picture[..., 2]))
