"""Which fonts write class names: DejaVu Sans, then the installed ones that have other scripts."""

import logging
from functools import cache
from pathlib import Path

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

OWN = "DejaVu Sans"  # comes with Matplotlib
# Fonts of Linux, macOS and Windows; the first that is installed and has the character is used.
FALLBACKS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Source Han Sans SC",
    "PingFang SC", "Hiragino Sans", "Hiragino Sans GB", "Apple SD Gothic Neo", "Heiti TC",
    "Microsoft YaHei", "SimHei", "Yu Gothic", "MS Gothic", "Malgun Gothic",
    "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Tamil", "Noto Sans Thai",
    "Noto Sans Hebrew", "Noto Sans Arabic", "Nirmala UI", "Leelawadee UI", "Kohinoor Devanagari",
    "Noto Emoji", "Symbola", "Segoe UI Symbol", "Arial Unicode MS", "Unifont",
)  # fmt: skip

log = logging.getLogger(__name__)


@cache
def families() -> tuple[str, ...]:
    """The fonts of every figure, in the order in which a character is looked for."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return (OWN, *(name for name in FALLBACKS if name in installed))


@cache
def font_file(text: str) -> Path:
    """The font of a line that Pillow writes: the first that has all its characters, or ours."""
    for name in families():
        path = Path(font_manager.findfont(name))
        if not _missing(text, path):
            return path
    tell_missing(text)
    return Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")


def _missing(text: str, path: Path) -> bool:
    characters = FT2Font(str(path)).get_charmap()
    return any(c.isprintable() and not c.isspace() and ord(c) not in characters for c in text)


@cache
def tell_missing(text: str) -> None:
    """Say once for a text that figures show boxes for it, and what helps."""
    log.warning(
        "no installed font has all characters of '%s', so figures show boxes: install one that "
        "has them, such as Noto Sans CJK, then `dvc repro --force report census`",
        text[:80],
    )
