"""From a file of any sort to canonical pixels, or the reason why it is no usable picture.

The one rule, in this order:

1. Only the formats in `FORMATS` are tried, and HEIC and DICOM where their readers are installed;
   the header's width, height and number of frames are checked before a pixel is decoded.
2. The EXIF orientation is applied.
3. Grey pictures of 16 bits are divided by 257, so that 65535 becomes 255, those of 12 bits by
   4095 / 255; grey pictures of 32 bits are read as 16 bits (integers) or as 0 to 1 (floating
   point), and refused where a value lies outside. `sort.white` names another value that is white.
4. Transparent pixels are laid on white.
5. The rest is Pillow's conversion: CMYK by its plain formula, palettes looked up, colour to grey
   by ITU-R 601. Embedded colour profiles, broken or not, are ignored.
"""

import hashlib
import io
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Literal

from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from bakeoff.pictures.deep_grey import deep_grey, is_deep, own_white
from bakeoff.pictures.extra_formats import extra_format, open_extra
from bakeoff.pictures.picture_error import PictureError

FORMATS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")
# File names that claim to be pictures, including formats that are not supported.
SUFFIXES = frozenset(
    ".apng .avif .bmp .dib .gif .j2c .j2k .jfif .jp2 .jpc .jpe .jpeg .jpf .jpg .jpx .mpo .pbm "
    ".pgm .png .pnm .ppm .tif .tiff .webp "
    ".cr2 .dcm .dng .eps .heic .heif .ico .jxl .nef .pcx .psd .raw .svg .tga".split()
)
MAX_PIXELS = 120_000_000

Mode = Literal["RGB", "L"]
# `sort.max_pixels` replaces Pillow's own limit, which could refuse what a user allows.
Image.MAX_IMAGE_PIXELS = None
warnings.filterwarnings("ignore", module="PIL")
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # one reason for each file is enough
# Load the plugins once here, not in several threads at their first picture.
Image.init()

_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ")
# Above this many pixels pictures are decoded one at a time, whatever the number of threads.
_GIANT = 25_000_000
_giants = threading.Lock()


def decode(
    source: Path | bytes,
    mode: Mode,
    *,
    max_pixels: int = MAX_PIXELS,
    min_side: int = 1,
    white: int | None = None,
) -> Image.Image:
    """The canonical pixels of a picture file.

    Args:
        source: a path, or the file's bytes.
        mode: `RGB` or `L`.
        max_pixels: larger pictures are refused by their header.
        min_side: pictures with a shorter side (pixels) are refused by their header.
        white: value of integer grey of more than 8 bits that is white; None: 4095 of 12 bits,
            65535 of others.

    Returns:
        A loaded picture of that mode, 8 bits a channel.

    Raises:
        PictureError: the file is not a usable picture.

    Examples:
        >>> stream = io.BytesIO()
        >>> Image.new("RGBA", (3, 2), (255, 0, 0, 0)).save(stream, "PNG")
        >>> picture = decode(stream.getvalue(), "L")
        >>> picture.size, picture.getpixel((0, 0))  # transparent pixels are laid on white
        ((3, 2), 255)
    """
    content = source.read_bytes() if isinstance(source, Path) else source
    with opened(content, max_pixels=max_pixels, min_side=min_side) as picture:
        return canonical(picture, mode, white)


@contextmanager
def opened(content: bytes, *, max_pixels: int, min_side: int) -> Iterator[Image.Image]:
    """Open a picture and check its header; very large pictures are decoded one at a time.

    Raises:
        PictureError: the header is not that of a usable picture.
    """
    with _open(content) as picture:
        _check_header(picture, max_pixels, min_side)
        with _giants if picture.width * picture.height > _GIANT else nullcontext():
            yield picture


def pixel_id(picture: Image.Image) -> str:
    """The first 32 hexadecimal digits of the SHA-256 over mode, width, height and bytes.

    The same pixels in another lossless format give the same id.

    Examples:
        >>> pixel_id(Image.new("L", (2, 1), 7)) == pixel_id(Image.new("L", (1, 2), 7))
        False
    """
    width, height = picture.size
    digest = hashlib.sha256(f"{picture.mode} {width} {height}\n".encode())
    rows = max(1, (16 << 20) // (width * len(picture.mode)))  # strips: no full copy
    for top in range(0, height, rows):
        strip = (0, top, width, min(top + rows, height))
        digest.update((picture if rows >= height else picture.crop(strip)).tobytes())
    return digest.hexdigest()[:32]


def canonical(picture: Image.Image, mode: Mode, white: int | None = None) -> Image.Image:
    """Steps 2 to 5 of the module's docstring; the input picture must not be used afterwards.

    Raises:
        PictureError: the pixels cannot be decoded, or have no known value range.
    """
    try:
        picture.load()
    except Exception as error:  # a decoder may raise anything on damaged bytes
        raise PictureError("truncated", _one_line(error)) from None
    deep = is_deep(picture)
    if deep:
        top = 1.0 if picture.mode == "F" else float(white or own_white(picture))
    try:
        ImageOps.exif_transpose(picture, in_place=True)
    except Exception:  # noqa: S110  # broken EXIF spoils no pixels
        pass
    if deep:
        try:
            picture = deep_grey(picture, top, clip=white is not None)
        except ValueError as span:
            raise PictureError("unknown value range", str(span)) from None
    elif picture.has_transparency_data:
        clear = picture.convert("RGBA")
        ground = Image.new("RGBA", clear.size, "white")
        ground.alpha_composite(clear)
        picture = ground.convert("RGB")
    elif picture.mode not in ("L", "1", "RGB"):
        try:
            picture = picture.convert("RGB")
        except ValueError:
            raise PictureError("unknown value range", f"mode {picture.mode}") from None
    return picture if picture.mode == mode else picture.convert(mode)


def _open(content: bytes) -> Image.Image:
    if not content:
        raise PictureError("zero bytes")
    extra = extra_format(content)
    try:
        if extra:
            return open_extra(content, extra)
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except PictureError:
        raise
    except Exception as error:  # see above
        if extra and not isinstance(error, UnidentifiedImageError):
            raise PictureError("truncated", _one_line(error)) from None
        if content.startswith((b"II*\0", b"MM\0*")) and (kind := _kind_of_tiff(content)):
            raise PictureError("unsupported", kind) from None
        if (
            extra
            or content.startswith(_MAGIC)
            or content[8:12] == b"WEBP"
            or content[4:12] == b"ftypavif"
        ):
            raise PictureError("truncated", "the header is cut short or damaged") from None
        if isinstance(error, UnidentifiedImageError):
            raise PictureError("not a picture", _kind_of_text(content)) from None
        raise PictureError("not a picture", _one_line(error)) from None


def _check_header(picture: Image.Image, max_pixels: int, min_side: int) -> None:
    width, height = picture.size
    if width * height > max_pixels:
        raise PictureError("too many pixels", f"{width} x {height}, over {max_pixels}")
    if min(width, height) < min_side:
        raise PictureError("too small", f"{width} x {height}, under {min_side}")
    # MPO is a JPEG that carries previews or a second eye's view behind the picture proper.
    if picture.format == "MPO":
        return
    try:
        frames = int(getattr(picture, "n_frames", 1))
    except Exception as error:  # see above
        raise PictureError("truncated", _one_line(error)) from None
    if frames > 1:
        raise PictureError("animated", f"{frames} frames or pages")


def _kind_of_tiff(content: bytes) -> str:
    """What a TIFF says that Pillow cannot read, as long as its directory is whole; else ""."""
    try:
        directory = TiffImagePlugin.ImageFileDirectory_v2(content[:8])
        stream = io.BytesIO(content)
        stream.seek(directory.next)
        directory.load(stream)
        bits, bands = directory[258], directory.get(277, 1)
        if max(map(sum, zip(directory[273], directory[279], strict=True))) > len(content):
            return ""
    except Exception:  # see above
        return ""
    depth = "/".join(str(n) for n in sorted(set(bits)))
    return f"a TIFF of {bands} bands of {depth} bits; save it as 8-bit RGB or as 16-bit grey"


def _kind_of_text(content: bytes) -> str:
    """What else often stands under a picture's name."""
    start = content[:200].lstrip().lower()
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS; run `git lfs pull` where it is from"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a page of HTML, such as a server's error; fetch the picture again"
    return "no format read here"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
