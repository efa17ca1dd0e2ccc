"""Grey pictures of more than 8 bits, such as X-rays and microscopy."""

import numpy as np
from PIL import Image


def is_deep(picture: Image.Image) -> bool:
    """Whether the picture is grey of more than 8 bits."""
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def own_white(picture: Image.Image) -> int:
    """The greatest value that a grey picture of integers can hold."""
    bits = getattr(picture, "tag_v2", {}).get(258, (16,))  # BitsPerSample of a TIFF
    return 4095 if bits == (12,) else 65535


def deep_peak(picture: Image.Image) -> int | None:
    """Largest value of integer grey of more than 8 bits where 65535 is white; None of others."""
    try:
        deep = is_deep(picture) and picture.mode != "F" and own_white(picture) == 65535
        return int(np.asarray(picture).max()) if deep else None
    except Exception:  # what is wrong is told when it is decoded
        return None


def deep_grey(picture: Image.Image, top: float, *, clip: bool) -> Image.Image:
    """Grey of 8 bits, of which 255 is `top`; values above it are white where `clip` is true.

    Raises:
        ValueError: values lie outside 0 to `top`; the message gives their span.
    """
    values = np.asarray(picture)
    # The comparison is also false for NaN.
    if not bool(np.all((values >= 0) & (clip | (values <= top)))):
        span = f"{values.min():g} to {values.max():g}"
        raise ValueError(f"values {span}, not 0 to {top:g}")
    scaled = np.rint(np.minimum(values.astype(np.float64), top) * (255.0 / top))
    return Image.fromarray(scaled.astype(np.uint8))
