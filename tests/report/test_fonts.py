"""Class names of any script, and with dollars, are written as they are."""

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image, ImageChops

from bakeoff.report.plots import fonts
from bakeoff.report.plots.confusion import confusion_figure
from bakeoff.report.plots.figures import to_png
from bakeoff.report.sheets import Captioned, contact_sheet

PICTURE = np.zeros((20, 20, 3), np.uint8)


def test_dollars_are_no_mathematics():
    names = ("$5-$10", "$$", "$\\x$")
    figure = confusion_figure(np.eye(3) * 4, names, "test")
    assert to_png(figure).startswith(b"\x89PNG")
    shown = [text for text in figure.findobj(Text) if text.get_text() in names]
    assert {text.get_text() for text in shown} == set(names)
    assert not any(text.get_parse_math() for text in shown)


def test_a_script_without_a_font_is_reported_once(monkeypatch, caplog):
    monkeypatch.setattr(fonts, "families", lambda: (fonts.OWN,))
    fonts.tell_missing.cache_clear()
    fonts.font_file.cache_clear()
    for _ in range(2):
        assert fonts.font_file("狗").name == "DejaVuSans.ttf"
        assert fonts.font_file("chien é שלום").name == "DejaVuSans.ttf"
    assert caplog.text.count("no installed font has all characters of '狗'") == 1


def test_an_installed_font_with_the_characters_is_taken(monkeypatch):
    monkeypatch.setattr(fonts, "families", lambda: (fonts.OWN, "STIXGeneral"))
    fonts.font_file.cache_clear()
    assert fonts.font_file("ᶁ").name == "STIXGeneral.ttf"  # which DejaVu lacks
    fonts.font_file.cache_clear()


@pytest.mark.parametrize("words", [3, 12, 16])
def test_every_line_of_a_caption_lies_within_the_sheet(words):
    caption = " ".join(["caption"] * words)
    sheet = contact_sheet([Captioned(PICTURE, caption)])
    below = sheet.crop((0, sheet.height - 4, sheet.width, sheet.height))
    assert ImageChops.invert(below).getbbox() is None
    longer = contact_sheet([Captioned(PICTURE, caption + " end")])
    dark = [np.sum(np.asarray(s.convert("L")) < 128) for s in (sheet, longer)]
    assert dark[1] != dark[0] or words == 16  # the last word shows, but for the fifth line
    assert isinstance(sheet, Image.Image)
