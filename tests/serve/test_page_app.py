"""The page's routes on a real server, beside `bakeoff predict` and `bakeoff serve`."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import requests
from PIL import Image
from typer.testing import CliRunner

from bakeoff.cli import app
from bakeoff.serve import http
from bakeoff.serve.inspecting import load_inspector
from bakeoff.serve.model_facts import model_facts
from bakeoff.serve.page_app import page_app
from tests.serve.tiny_page import write_repository
from tests.tiny_records import CLASSES, picture

BYTES = {"Content-Type": "application/octet-stream"}


def started(application) -> str:
    bound, ready = http.free_socket(0), threading.Event()
    threading.Thread(target=http.run, args=(application, bound, ready.set), daemon=True).start()
    assert ready.wait(30)
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    root = tmp_path_factory.mktemp("repository")
    write_repository(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        yield root


@pytest.fixture(scope="module", params=["net", "logistic_net", "random_forest"])
def model(request, repository):
    return request.param


@pytest.fixture(scope="module")
def inspector(model):
    return load_inspector(Path("models") / model)


@pytest.fixture(scope="module")
def page(model, inspector):
    return started(page_app(inspector, model_facts(Path("models") / model)))


@pytest.fixture(scope="module")
def files(repository):
    """New pictures: a JPEG, a deep grey PNG, one with transparency, one turned by its EXIF."""
    folder = repository / "new"
    folder.mkdir()
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(picture(1, 5, 60)).resize((90, 50)).save(folder / "a.jpeg", exif=turned)
    Image.fromarray(picture(0, 6)[..., 0].astype(np.uint16) * 256).save(folder / "deep.png")
    Image.fromarray(picture(2, 7, channels=4), "RGBA").save(folder / "clear.png")
    return sorted(folder.iterdir())


def inspect(page: str, content: bytes) -> dict:
    response = requests.post(f"{page}/inspect", content, headers=BYTES, timeout=60)
    assert response.status_code == 200, response.text
    return response.json()


def opened(url: str) -> Image.Image:
    head, _, data = url.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_the_page_the_command_and_the_service_agree(model, inspector, page, files):
    result = CliRunner().invoke(app, ["predict", *map(str, files), "-m", model, "-o", "out.csv"])
    assert result.exit_code == 0
    table = pd.read_csv("out.csv")
    service = started(http.application(inspector.predictor, {}))
    texts = [base64.b64encode(path.read_bytes()).decode() for path in files]
    for address in (page, service):
        body = {"inputs": texts}
        rows = requests.post(f"{address}/invocations", json=body, timeout=60).json()["predictions"]
        for name in [f"p_{c}" for c in CLASSES]:
            np.testing.assert_allclose([row[name] for row in rows], table[name], rtol=1e-5)
        assert [row["label"] for row in rows] == table["label"].tolist()
    for path, row in zip(files, table.to_dict("records"), strict=True):
        found = inspect(page, path.read_bytes())
        assert found["label"] == row["label"] == found["classes"][0]["name"]
        shares = {each["name"]: each["probability"] for each in found["classes"]}
        np.testing.assert_allclose(
            [shares[c] for c in CLASSES], [row[f"p_{c}"] for c in CLASSES], rtol=1e-5
        )


def test_a_picture_comes_back_with_map_and_neighbours(model, page, files):
    found = inspect(page, files[0].read_bytes())
    assert (found["width"], found["height"]) == (50, 90)  # turned
    assert opened(found["picture"]).size == (50, 90)
    if model == "random_forest":
        assert found["map"] is None
    else:
        assert opened(found["map"]).size == (50, 90)
    similar = found["similar"]
    assert len(similar["pictures"]) == 4
    distances = [near["distance"] for near in similar["pictures"]]
    assert distances == sorted(distances)
    assert similar["distance"] == distances[0]
    assert similar["unlike"] == (distances[0] > similar["limit"])
    for near in similar["pictures"]:
        response = requests.get(f"{page}/training/{near['image_id']}", timeout=60)
        with Image.open(io.BytesIO(response.content)) as thumbnail:
            assert thumbnail.format == "JPEG"
        assert near["label"] in CLASSES


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no picture", "not a picture: no format read here; give JPEG, PNG, BMP,"),
        (b"", "zero bytes; give another picture"),
        (b"\x89PNG\r\n", "truncated: the header is cut short or damaged; give another picture"),
    ],
    ids=["text", "nothing", "cut"],
)
def test_a_file_that_is_no_picture_is_one_sentence(page, content, sentence):
    response = requests.post(f"{page}/inspect", content, headers=BYTES, timeout=60)
    assert response.status_code == 400
    assert sentence in response.json()["message"]


def test_of_heic_without_its_reader_the_sentence_says_how_to_get_it(page, monkeypatch):
    monkeypatch.setattr("bakeoff.pictures.extra_formats.is_installed", lambda kind: False)
    content = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    response = requests.post(f"{page}/inspect", content, headers=BYTES, timeout=60)
    assert response.json()["message"].endswith("run `uv sync --inexact --extra readers` to read it")


def test_too_many_pixels_are_refused_by_the_header(page):
    stream = io.BytesIO()
    Image.new("1", (20_000, 6_000)).save(stream, "PNG")
    response = requests.post(f"{page}/inspect", stream.getvalue(), headers=BYTES, timeout=60)
    assert response.status_code == 400
    assert "send at most 100000000" in response.json()["message"]


@pytest.mark.parametrize(
    "path", ["docs", "redoc", "openapi.json", "training/..%2F..%2Fparams.yaml"]
)
def test_nothing_else_is_served(page, path):
    assert requests.get(f"{page}/{path}", timeout=60).status_code == 404


def test_the_files_name_no_other_host(page):
    for path in ("", "page.css", "page.js"):
        response = requests.get(f"{page}/{path}", timeout=60)
        assert response.status_code == 200
        assert "//" not in response.text.replace("// ", "")


def test_the_facts_name_data_set_score_and_warnings(model, page):
    facts = requests.get(f"{page}/about", timeout=60).json()
    assert facts["model"] == model
    assert facts["dataset"] == "phantom"
    assert facts["score"] == (
        "Right on 80.0 % of 9 test pictures (95 % interval 60.0 to 90.0 %). Trained by the same "
        "recipe in 5 folds, repeated 3 times: 80.0 % (60.0 to 90.0 %)."
    )
    warnings = " ".join(facts["warnings"])
    assert "Nothing here is a medical device" in warnings
    assert "Not shown to be better than always naming the commonest class." in warnings
    random = "Its backbone has random weights in the place of pretrained ones." in warnings
    assert random == (model != "random_forest")
    assert bool(facts["missing"]) == (model == "random_forest")


def test_a_model_without_its_training_side_still_predicts(repository, files):
    aside = repository / "data/elsewhere"
    (repository / "data/features").rename(aside)
    try:
        inspector = load_inspector(Path("models/net"))
    finally:
        aside.rename(repository / "data/features")
    assert "dvc repro features@net" in inspector.missing[0]
    found = inspector.inspect(files[0].read_bytes())
    assert found["similar"] is None
    assert json.dumps(found)


def test_a_taken_port_is_one_sentence(repository):
    bound = http.free_socket(0)
    bound.listen()
    port = str(bound.getsockname()[1])
    result = CliRunner().invoke(app, ["page", "random_forest", "--port", port])
    assert result.exit_code == 1
    assert f"port {port} of 127.0.0.1 cannot be used" in result.stderr
    assert "--port" in result.stderr
    assert result.stdout == ""


@pytest.mark.skipif(os.name == "nt", reason="a script as a browser")
def test_open_shows_the_page_in_the_browser(repository, tmp_path):
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys, urllib.request as web\n"
        "page = web.build_opener(web.ProxyHandler({})).open(sys.argv[1]).read()\n"
        f"pathlib.Path({str(tmp_path / 'part')!r}).write_bytes(page)\n"
        f"pathlib.Path({str(tmp_path / 'part')!r}).rename({str(seen)!r})\n"
    )
    browser.chmod(0o700)
    code = "from bakeoff.cli import app; app()"
    command = [sys.executable, "-c", code, "page", "random_forest", "--port", "0", "--open"]
    environment = os.environ | {"BROWSER": str(browser)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as page:
        while page.poll() is None and not seen.exists():
            time.sleep(0.1)
        page.send_signal(signal.SIGINT)
        said, _ = page.communicate()
    assert said.startswith("random_forest: http://127.0.0.1:")
    assert b"<title>" in seen.read_bytes()
