import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from bakeoff.pictures.decoding import decode, pixel_id
from bakeoff.pictures.picture_error import PictureError

COLOURS = arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3)))


def encode(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def refusal(content: bytes, **limits: int) -> PictureError:
    with pytest.raises(PictureError) as caught:
        decode(content, "RGB", **limits)
    return caught.value


def noise(width: int = 40, height: int = 30, channels: int = 3) -> Image.Image:
    values = np.random.default_rng(1).integers(0, 256, (height, width, channels), np.uint8)
    return Image.fromarray(values.squeeze())


@given(COLOURS)
@settings(max_examples=30, deadline=None)
def test_lossless_formats_give_the_same_pixels_and_id(pixels: np.ndarray) -> None:
    picture = Image.fromarray(pixels)
    encodings = [
        encode(picture),
        encode(picture, "TIFF"),
        encode(picture, "TIFF", compression="tiff_lzw"),
        encode(picture, "BMP"),
        encode(picture, "PPM"),
        encode(picture, "WEBP", lossless=True),
        encode(picture.convert("RGBA")),
    ]
    decoded = [decode(content, "RGB") for content in encodings]
    for one in decoded:
        np.testing.assert_array_equal(np.asarray(one), pixels)
    assert len({pixel_id(one) for one in decoded}) == 1


@given(COLOURS, st.sampled_from(["RGB", "L"]))
@settings(max_examples=30, deadline=None)
def test_a_changed_pixel_changes_the_id(pixels: np.ndarray, mode: Any) -> None:
    picture = decode(encode(Image.fromarray(pixels)), mode)
    other = picture.copy()
    point = (picture.width - 1, picture.height - 1)
    value = other.getpixel(point)
    first = value[0] if isinstance(value, tuple) else value
    assert isinstance(first, int)
    changed = (first + 1) % 256
    other.putpixel(point, (changed, *value[1:]) if isinstance(value, tuple) else changed)
    assert pixel_id(other) != pixel_id(picture)


def test_the_id_tells_shape_and_mode_apart() -> None:
    flat = [Image.new("L", (4, 9)), Image.new("L", (9, 4)), Image.new("RGB", (3, 4))]
    assert len({pixel_id(picture) for picture in flat}) == 3


def test_the_id_of_a_giant_is_hashed_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    giant = Image.effect_noise((5000, 4000), 80)
    whole = __import__("hashlib").sha256(b"L 5000 4000\n" + giant.tobytes()).hexdigest()[:32]
    assert pixel_id(giant) == whole


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    upright = noise()
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(turns[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encode(stored, exif=exif), "RGB")
    np.testing.assert_array_equal(np.asarray(decoded), np.asarray(upright))


def test_broken_exif_spoils_nothing() -> None:
    content = encode(noise(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xff" * 40)
    assert decode(content, "RGB").size == (40, 30)


@given(arrays(np.uint16, (5, 7)))
@settings(max_examples=30, deadline=None)
def test_sixteen_bits_are_divided_by_257(values: np.ndarray) -> None:
    for kind in ("PNG", "TIFF"):
        decoded = decode(encode(Image.fromarray(values), kind), "L")
        np.testing.assert_array_equal(np.asarray(decoded), np.rint(values / 257))


def test_a_16_bit_pgm_is_read_like_a_16_bit_png() -> None:
    content = b"P5 2 1 65535\n" + (0).to_bytes(2, "big") + (257 * 200).to_bytes(2, "big")
    assert np.asarray(decode(content, "L")).tolist() == [[0, 200]]


def test_floating_point_from_0_to_1() -> None:
    values = np.array([[0, 0.5, 1]], np.float32)
    decoded = decode(encode(Image.fromarray(values), "TIFF"), "L")
    assert np.asarray(decoded).tolist() == [[0, 128, 255]]


@pytest.mark.parametrize("values", [[[-1.0, 0]], [[0, 300.0]], [[float("nan"), 0]]])
def test_floating_point_of_unknown_range_is_refused(values: list[list[float]]) -> None:
    content = encode(Image.fromarray(np.array(values, np.float32)), "TIFF")
    assert refusal(content).reason == "unknown value range"


def test_integers_beyond_16_bits_are_refused() -> None:
    content = encode(Image.fromarray(np.array([[0, 70_000]], np.int32)), "TIFF")
    assert refusal(content).detail == "values 0 to 70000, not 0 to 65535"


def test_transparency_is_laid_on_white() -> None:
    pixels = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 128]]], np.uint8)
    decoded = np.asarray(decode(encode(Image.fromarray(pixels)), "RGB"))
    assert decoded.tolist() == [[[10, 20, 30], [255, 255, 255], [127, 127, 127]]]
    palette = Image.new("P", (2, 1))
    palette.putpalette([9, 8, 7, 1, 2, 3])
    palette.putpixel((1, 0), 1)
    content = encode(palette, transparency=1)
    assert np.asarray(decode(content, "RGB")).tolist() == [[[9, 8, 7], [255, 255, 255]]]


def test_other_modes() -> None:
    cmyk = Image.new("CMYK", (1, 1), (0, 255, 0, 0))
    assert decode(encode(cmyk, "TIFF"), "RGB").getpixel((0, 0)) == (255, 0, 255)
    broken = encode(Image.new("CMYK", (8, 8)), "JPEG", icc_profile=b"no profile at all")
    assert decode(broken, "RGB").getpixel((0, 0)) == (255, 255, 255)
    assert decode(encode(Image.new("1", (1, 1), 1)), "L").getpixel((0, 0)) == 255
    assert decode(encode(Image.new("L", (1, 1), 77)), "RGB").getpixel((0, 0)) == (77, 77, 77)
    # ITU-R 601: 0.299 * 200 + 0.587 * 100 + 0.114 * 50
    assert decode(encode(Image.new("RGB", (1, 1), (200, 100, 50))), "L").getpixel((0, 0)) == 124


def test_a_path_and_its_bytes_are_decoded_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    noise().save(path)
    assert pixel_id(decode(path, "RGB")) == pixel_id(decode(path.read_bytes(), "RGB"))


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises any number of pixels in 60 bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def test_the_header_decides_before_any_pixel_is_decoded() -> None:
    error = refusal(png_header(60_000, 60_000))
    assert error.reason == "too many pixels"
    assert error.detail == "60000 x 60000, over 120000000"
    assert refusal(png_header(60_000, 10), min_side=32).reason == "too small"
    assert refusal(encode(noise()), max_pixels=40 * 30 - 1).reason == "too many pixels"
    assert decode(encode(noise()), "RGB", max_pixels=40 * 30, min_side=30).size == (40, 30)


ANIMATED: dict[str, dict[str, Any]] = {"GIF": {}, "PNG": {}, "WEBP": {}, "TIFF": {}}


@pytest.mark.parametrize("kind", ANIMATED)
def test_animations_and_pages_are_refused(kind: str) -> None:
    frames = [Image.new("RGB", (20, 20), c) for c in ("red", "blue", "lime")]
    content = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    error = refusal(content)
    assert (error.reason, error.detail) == ("animated", "3 frames or pages")
    assert decode(encode(frames[0], kind), "RGB").size == (20, 20)


def test_a_jpeg_with_a_second_picture_behind_it_is_a_picture() -> None:
    content = encode(noise(), "MPO", save_all=True, append_images=[noise()])
    assert decode(content, "RGB").size == (40, 30)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP", "JPEG2000"])
def test_truncated_pictures_are_refused(kind: str) -> None:
    content = encode(noise(200, 200), kind)
    assert refusal(content[: len(content) // 2]).reason == "truncated"
    if kind in ("JPEG", "PNG"):
        assert refusal(content[:20]).reason == "truncated"


def test_what_is_no_picture_at_all() -> None:
    assert refusal(b"").reason == "zero bytes"
    assert refusal(b"Not a picture.").reason == "not a picture"
    # Formats whose readers start other programs are not even tried.
    assert refusal(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n").reason == "not a picture"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP", "JPEG2000"])
def test_pictures_cut_at_every_kilobyte_are_refused(kind: str) -> None:
    content = encode(noise(180, 130), kind)
    assert len(content) > 12_000
    for end in range(1024, len(content), 1024):
        assert refusal(content[:end]).reason == "truncated", end


def with_sides(content: bytes, width: int, height: int) -> bytes:
    """A PNG whose header says other sides than its pixels have; its checksum is right."""
    header = content[12:16] + struct.pack(">II", width, height) + content[24:29]
    return content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]


@pytest.mark.parametrize(("width", "height"), [(41, 30), (39, 30), (20, 60), (4000, 3000)])
def test_sides_in_the_header_that_do_not_fit_the_pixels_are_no_picture(
    width: int, height: int
) -> None:
    assert refusal(with_sides(encode(noise()), width, height)).reason == "truncated"


def test_rows_that_only_the_header_knows_are_blank_and_within_the_limit() -> None:
    """Neither zlib nor libjpeg calls data that end early, but in order, an error."""
    png = with_sides(encode(noise()), 40, 35)
    assert np.asarray(decode(png, "RGB"))[30:].max() == 0
    assert refusal(png, max_pixels=40 * 30).reason == "too many pixels"
    jpeg = encode(noise(40, 32), "JPEG")
    at = jpeg.index(b"\xff\xc0") + 5
    taller = jpeg[:at] + struct.pack(">H", 320) + jpeg[at + 2 :]
    assert decode(taller, "RGB").size == (40, 320)
    assert refusal(taller, max_pixels=40 * 32).reason == "too many pixels"


def test_thirty_thousand_pixels_wide_and_one_pixel() -> None:
    wide = Image.new("RGB", (30_000, 40), (1, 2, 3))
    assert decode(encode(wide), "L").size == (30_000, 40)
    assert refusal(encode(wide), max_pixels=1_000_000).detail == "30000 x 40, over 1000000"
    assert decode(encode(Image.new("RGB", (1, 1), (1, 2, 3))), "RGB").getpixel((0, 0)) == (1, 2, 3)
    assert refusal(encode(Image.new("RGB", (1, 1))), min_side=2).reason == "too small"


def tiff(bits: int, bands: int, width: int = 4, height: int = 2, strip: bytes = b"") -> bytes:
    """A small whole TIFF of a kind that few programs read."""
    strip = strip or bytes(width * height * bands * -(-bits // 8))
    more = struct.pack(f"<{bands}H", *[bits] * bands)
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, bands, bits if bands == 1 else 0),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 0),
        (277, 3, 1, bands),
        (278, 4, 1, height),
        (279, 4, 1, len(strip)),
    ]
    after = 8 + 2 + 12 * len(tags) + 4
    places = {258: after, 273: after + len(more)}
    entries = b"".join(
        struct.pack(
            "<HHII", tag, kind, count, places[tag] if tag in places and value == 0 else value
        )
        for tag, kind, count, value in tags
    )
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + more + strip


@pytest.mark.parametrize(("bits", "bands"), [(16, 13), (16, 3), (16, 4), (64, 1)])
def test_a_whole_tiff_of_another_kind_is_named_for_what_it_is(bits: int, bands: int) -> None:
    content = tiff(bits, bands)
    error = refusal(content)
    assert error.reason == "unsupported"
    assert error.detail.startswith(f"a TIFF of {bands} bands of {bits} bits; save it as")
    assert refusal(content[: len(content) // 2]).reason in ("truncated", "not a picture")


def test_twelve_bits_in_a_tiff_use_the_whole_range() -> None:
    strip = bytes([0x00, 0x0F, 0xFF, 0x80, 0x00, 0x00])  # 0, 4095, 2048, 0: two in three bytes
    picture = decode(tiff(12, 1, 4, 1, strip), "L")
    assert [picture.getpixel((x, 0)) for x in range(4)] == [0, 255, 128, 0]


def test_white_is_the_value_that_becomes_255() -> None:
    values = np.array([[0, 2048, 4095, 5000]], np.uint16)
    picture = decode(encode(Image.fromarray(values)), "L", white=4095)
    assert [picture.getpixel((x, 0)) for x in range(4)] == [0, 128, 255, 255]
    eight = encode(noise(channels=1))
    assert decode(eight, "L", white=4095).tobytes() == decode(eight, "L").tobytes()
