"""The real command, the real server, a real browser."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.serve.tiny_page import write_repository
from tests.tiny_records import hash_of, picture

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync".split()
HOSTILE = "<img src=x onerror=alert(1)>.txt"
PATIENCE = 120_000  # milliseconds


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """`bakeoff page net` in a tiny repository; a network's own class name is hostile, too."""
    root = tmp_path_factory.mktemp("repository")
    write_repository(root)
    metadata = root / "models/net/metadata.json"
    metadata.write_text(metadata.read_text().replace('"coral"', '"<b>coral</b>"'))
    command = [str(Path(sys.executable).with_name("bakeoff")), "page", "net", "--port", "0"]
    server = subprocess.Popen(command, cwd=root, env=os.environ, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith("net: http://127.0.0.1:")
        yield line.split()[1].rstrip(";")
    finally:
        server.terminate()
        server.wait(120)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium here")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=[(1400, "light"), (390, "dark")], ids=str)
def page(request, browser, address):
    """The page in one width and colour scheme; an error on it fails the test."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: errors.append(dialog.message))
    page.goto(address)
    page.locator("#score:not(:empty)").wait_for()
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert errors == []
    context.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A training picture, a picture unlike all of them, and a text with a hostile name."""
    folder = tmp_path_factory.mktemp("files")
    Image.fromarray(picture(1, hash_of("train") + 4)).save(folder / "like.png")
    red = np.zeros((60, 90, 3), np.uint8)
    red[..., 0] = 220
    Image.fromarray(red).save(folder / "red.png")
    (folder / HOSTILE).write_text("no picture")
    return [folder / "like.png", folder / "red.png", folder / HOSTILE]


DROP = """files => {
  const dropped = new DataTransfer();
  for (const [name, bytes] of files) dropped.items.add(new File([new Uint8Array(bytes)], name));
  for (const kind of ["dragover", "drop"])
    document.getElementById("drop").dispatchEvent(
      new DragEvent(kind, { dataTransfer: dropped, bubbles: true, cancelable: true }));
}"""
PASTE = """([name, bytes]) => {
  const pasted = new DataTransfer();
  pasted.items.add(new File([new Uint8Array(bytes)], name));
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: pasted }));
}"""


def sent(path: Path) -> tuple[str, list[int]]:
    return path.name, list(path.read_bytes())


def test_dropped_pictures_are_answered_and_a_text_gets_its_sentence(page, files):
    page.evaluate(DROP, [sent(path) for path in files])
    page.get_by_text("All 3 answered").wait_for()
    like, red, text = page.locator("article").all()
    assert like.locator("h2").inner_text() == "like.png"
    assert like.locator(".sentence").inner_text().startswith("blue, ")
    assert like.locator(".classes li").count() == 3
    assert like.locator(".seen img").count() == 2  # the picture and the map
    assert like.locator(".similar li").count() == 4
    assert "Unlike what it was trained on" in red.locator(".sentence").inner_text()
    text.scroll_into_view_if_needed()
    assert text.locator("h2").inner_text() == HOSTILE
    assert "not a picture" in text.locator(".sentence").inner_text()
    like.scroll_into_view_if_needed()
    for image in like.locator("img").all():
        image.scroll_into_view_if_needed()
        page.wait_for_timeout(200)
        assert image.evaluate("image => image.complete && image.naturalWidth > 0")
    assert page.locator("article b, h2 img").count() == 0  # names are text


def test_pasted_pictures_are_answered_and_cleared(page, files):
    page.evaluate(PASTE, sent(files[0]))
    page.get_by_text("All 1 answered").wait_for()
    page.evaluate(PASTE, sent(files[1]))
    page.get_by_text("All 2 answered").wait_for()
    assert page.locator("article h2").all_inner_texts() == ["red.png", "like.png"]
    page.get_by_role("button", name="Clear").click()
    assert page.locator("article").count() == 0
    assert page.evaluate("document.activeElement.id") == "files"


def test_the_keyboard_alone_is_enough(page, files):
    # Choosers are caught only from a while after they are first listened for.
    page.on("filechooser", lambda _: None)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "files"
    outline = page.locator("label.button").evaluate("e => getComputedStyle(e).outlineStyle")
    assert outline == "solid"
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(files[0])
    page.get_by_role("status").get_by_text("All 1 answered").wait_for()
    assert page.get_by_role("article", name="like.png").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "clear"
    page.keyboard.press("Enter")
    assert page.locator("article").count() == 0


def test_the_facts_and_warnings_are_on_the_page(page):
    text = page.inner_text("header")
    assert "Classify pictures with net" in text
    assert "Right on 80.0 % of 9 test pictures" in text
    assert "Nothing here is a medical device" in text
    assert "random weights" in text
    assert "<b>coral</b>" in text
