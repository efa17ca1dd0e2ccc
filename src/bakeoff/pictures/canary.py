"""A digest of what this machine makes of a fixed picture, to compare it with another machine."""

import hashlib
import io

import numpy as np

from bakeoff.params.data import TfrecordParams
from bakeoff.pictures.decoding import decode
from bakeoff.pictures.squares import encode_picture, to_picture, to_record_picture
from bakeoff.pictures.transforms import RANDOM


def picture_digest() -> str:
    """SHA-256 over a noisy picture: encoded, decoded, resized, transformed, encoded again."""
    noise = np.random.default_rng(7).integers(0, 256, (61, 47, 3), np.uint8)
    stream = io.BytesIO()
    to_picture(noise).save(stream, "JPEG", quality=90)
    picture = decode(stream.getvalue(), "RGB")
    params = TfrecordParams(image_side=32, equalize="channel")
    pixels = to_record_picture(picture, params, RANDOM, seed=7)
    parts = (stream.getvalue(), picture.tobytes(), pixels.tobytes(), encode_picture(pixels, params))
    return hashlib.sha256(b"".join(parts)).hexdigest()
