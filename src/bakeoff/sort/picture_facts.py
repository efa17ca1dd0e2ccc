"""Facts from one decoding of a picture: identity, perceptual hash, size, brightness."""

import hashlib
import io
from dataclasses import dataclass

import imagehash
import numpy as np
from PIL import Image

from bakeoff.pictures.decoding import Mode, canonical, opened, pixel_id
from bakeoff.pictures.deep_grey import deep_peak
from bakeoff.pictures.extra_formats import PACKAGES

# Smallest side, in pixels, of the picture that is hashed. Reducing to 256 moved the hash of a
# rescaled photo by up to 14 bits, to 1024 by 6; near duplicates were once limited to 8.
_PHASH_SIDE = 1024


_Bytes = bytes  # `Facts` has a field of that name


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts from one decoding of a picture."""

    image_id: str  # hash of the canonical pixels; see `pictures.pixel_id`
    width: int  # pixels, after the orientation
    height: int  # pixels, after the orientation
    mode: str  # pillow's name of the file's own mode, such as `CMYK`
    bytes: int
    sha256: str  # of the file's bytes
    phash: str  # 256-bit perceptual hash, 64 hexadecimal digits
    brightness: float  # mean grey value, 0 to 255
    suffix: str  # suffix of the true format, with its dot
    peak: int | None  # largest value of a grey picture of 16 bits; None for others
    rewritten: "_Bytes | None"  # as a PNG file, where later stages cannot use the file itself


def examine(
    content: bytes, mode: Mode, *, max_pixels: int, min_side: int, white: int | None = None
) -> Facts:
    """Decode once and collect the facts.

    Pictures larger than `max_pixels` or with a side below `min_side` are refused by their header.

    Raises:
        PictureError: the file is not a usable picture.
    """
    with opened(content, max_pixels=max_pixels, min_side=min_side) as own:
        own_mode, suffix = own.mode, _suffix(own)
        peak = deep_peak(own)
        picture = canonical(own, mode, white)
        # Later stages and other machines need no reader of the extra formats.
        again = (white is not None and peak is not None) or own.format in PACKAGES
        rewritten = _as_png(picture) if again else None
        grey = picture.convert("L")
        small = grey.reduce(max(1, min(grey.size) // _PHASH_SIDE))
        return Facts(
            image_id=pixel_id(picture),
            width=picture.width,
            height=picture.height,
            mode=own_mode,
            bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            phash=str(imagehash.phash(small, hash_size=16)),
            brightness=float(np.asarray(small).mean()),
            suffix=".png" if rewritten else suffix,
            peak=peak,
            rewritten=rewritten,
        )


def _as_png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _suffix(picture: Image.Image) -> str:
    known = {"JPEG": ".jpeg", "MPO": ".jpeg", "JPEG2000": ".jp2", "DIB": ".bmp"}
    return known.get(picture.format or "", f".{(picture.format or 'img').lower()}")
