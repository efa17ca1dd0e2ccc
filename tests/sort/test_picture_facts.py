import hashlib
import io

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageFilter

from bakeoff.pictures.decoding import pixel_id
from bakeoff.pictures.picture_error import PictureError
from bakeoff.sort.picture_facts import Facts, examine


def scene(seed: int, side: int = 600) -> Image.Image:
    """Blurred noise: smooth shapes, as pictures have them."""
    values = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), np.uint8)
    return Image.fromarray(values).resize((side, side), Image.Resampling.BICUBIC)


def facts_of(picture: Image.Image, kind: str = "PNG", **options: int) -> Facts:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return examine(stream.getvalue(), "RGB", max_pixels=10**8, min_side=1)


def distance(one: Facts, other: Facts) -> int:
    hashes = [imagehash.hex_to_hash(facts.phash) for facts in (one, other)]
    return int(hashes[0] - hashes[1])


def test_the_facts_of_a_small_picture() -> None:
    picture = Image.new("L", (4, 2), 90)
    picture.paste(30, (0, 0, 2, 2))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    content = stream.getvalue()
    facts = examine(content, "RGB", max_pixels=100, min_side=1)
    assert (facts.width, facts.height, facts.mode, facts.suffix) == (4, 2, "L", ".png")
    assert facts.bytes == len(content)
    assert facts.sha256 == hashlib.sha256(content).hexdigest()
    assert facts.image_id == pixel_id(picture.convert("RGB"))
    assert facts.brightness == 60
    assert len(facts.phash) == 64
    assert int(facts.phash, 16) >= 0


@pytest.mark.parametrize(
    ("kind", "suffix"), [("JPEG", ".jpeg"), ("TIFF", ".tiff"), ("BMP", ".bmp"), ("GIF", ".gif")]
)
def test_the_suffix_is_the_true_format(kind: str, suffix: str) -> None:
    assert facts_of(scene(1, 40), kind).suffix == suffix


def test_the_perceptual_hash_survives_rescaling_and_separates_strangers() -> None:
    scenes = [scene(seed, 300) for seed in range(8)]
    originals = [facts_of(picture) for picture in scenes]
    for picture, facts in zip(scenes, originals, strict=True):
        assert distance(facts, facts_of(picture.resize((224, 224)), "JPEG", quality=70)) <= 8
        assert distance(facts, facts_of(picture.resize((800, 800)))) <= 8
        assert distance(facts, facts_of(picture.filter(ImageFilter.GaussianBlur(1)))) <= 8
    strangers = [distance(a, b) for a in originals for b in originals if a is not b]
    assert min(strangers) > 32


def test_the_reduced_copy_hashes_like_the_whole() -> None:
    picture = scene(3, 1400)
    whole = imagehash.phash(picture, hash_size=16)
    assert imagehash.hex_to_hash(facts_of(picture).phash) - whole <= 4


def test_unusable_pictures_keep_their_reason() -> None:
    with pytest.raises(PictureError, match="zero bytes"):
        examine(b"", "RGB", max_pixels=1, min_side=1)
