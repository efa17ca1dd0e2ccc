"""Every documented form of a picture gets the PNG's answer, and every other one an error.

The model's answer is the mean brightness, so it notices a row, a column or a channel that is lost.
"""

import base64
import io
import json
import threading

import numpy as np
import pandas as pd
import pytest
import requests
from mlflow import pyfunc
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.scoring_server import invocations
from PIL import Image

from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve import http, picture_inputs
from bakeoff.serve.http import MAX_BYTES, application, free_socket
from bakeoff.serve.mlflow_model import package_model
from bakeoff.serve.picture_inputs import MAX_PIXELS, RequestError, pictures_of
from bakeoff.serve.predictor import load_predictor


def brightness(mean: float, *shape: int) -> np.ndarray:
    """Pixels around a mean, whose first row, first column and first channel are far from it."""
    noise = np.random.default_rng(int(mean)).integers(-40, 40, shape)
    pixels = noise + mean
    pixels[0] = 0
    pixels[:, 0] = 255
    if len(shape) == 3:
        pixels[..., 0] //= 2
    return np.clip(pixels, 0, 255).astype(np.uint8)


GREY, COLOUR = brightness(124, 30, 40), brightness(146, 30, 40, 3)
SMALL = brightness(132, 17, 23, 3)


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def text(pixels: np.ndarray) -> str:
    return base64.b64encode(png(pixels)).decode()


@pytest.fixture(scope="module")
def predictor(models):
    return load_predictor(models / "net")


@pytest.fixture(scope="module")
def served(models, tmp_path_factory):
    package = tmp_path_factory.mktemp("package") / "net"
    package_model(models / "net", package)
    return pyfunc.load_model(str(package))


@pytest.fixture(scope="module")
def address(predictor):
    """Our service on a free port, as `bakeoff serve` runs it."""
    bound, ready = free_socket(0), threading.Event()
    port = bound.getsockname()[1]
    app = application(predictor, {"model": "net"})
    threading.Thread(target=http.run, args=(app, bound, ready.set), daemon=True).start()
    assert ready.wait(30)
    return f"http://127.0.0.1:{port}/invocations"


JSON = {
    "base64": [text(COLOUR), text(GREY)],
    "base64 with line breaks": ["\n".join(text(COLOUR)[n : n + 76] for n in range(0, 9999, 76))],
    "data URL": [f"data:image/png;base64,{text(COLOUR)}"],
    "one colour picture": [COLOUR.tolist()],
    "one grey picture": [GREY.tolist()],
    "one grey picture with a channel": [GREY[..., None].tolist()],
    "pictures of one shape": [COLOUR.tolist(), (COLOUR // 2 + 60).tolist()],
    "pictures of other shapes": [COLOUR.tolist(), SMALL.tolist(), GREY.tolist()],
    "text and pixels": [text(SMALL), GREY.tolist()],
}
ANSWERS = {
    "base64": [COLOUR, GREY],
    "one grey picture": [GREY],
    "one grey picture with a channel": [GREY],
    "pictures of one shape": [COLOUR, COLOUR // 2 + 60],
    "pictures of other shapes": [COLOUR, SMALL, GREY],
    "text and pixels": [SMALL, GREY],
}


@pytest.mark.parametrize("form", JSON)
def test_every_form_gives_the_pngs_answer(predictor, served, address, form):
    expected = predictor.table([png(pixels) for pixels in ANSWERS.get(form, [COLOUR])])
    assert expected["p_light"].between(0.05, 0.95).all()  # elsewhere the model would not notice
    records = expected.to_dict("records")
    body = json.dumps({"inputs": JSON[form]})
    schema = served.metadata.get_input_schema()
    mlflows = invocations(body, "application/json", served, schema)
    assert json.loads(mlflows.response)["predictions"] == records
    ours = requests.post(address, body, headers={"Content-Type": "application/json"}, timeout=60)
    assert ours.json() == {"predictions": records, "model": "net"}
    pd.testing.assert_frame_equal(served.predict(JSON[form]), expected)


@pytest.mark.parametrize(
    "form",
    [
        png(COLOUR),
        text(COLOUR),
        [png(COLOUR)],
        [COLOUR],
        COLOUR[None],
        np.array([png(COLOUR)], object),
        pd.Series([png(COLOUR)]),
        pd.DataFrame({"picture": [png(COLOUR)]}),
        pd.DataFrame({"picture": [COLOUR]}),
    ],
    ids=lambda form: type(form).__name__,
)
def test_python_takes_bytes_arrays_and_tables(predictor, served, form):
    pd.testing.assert_frame_equal(served.predict(form), predictor.table([png(COLOUR)]))


WRONG = {
    "a colour picture without its list": COLOUR.tolist(),
    "a grey picture without its list": GREY.tolist(),
    "two pictures in one": [[text(COLOUR), text(GREY)]],
    "no picture": [],
    "an object": [{"b64": text(COLOUR)}],
    "a number": [3],
    "nothing": [None],
    "no base64": ["no base64!"],
    "no picture file": ["AAAA"],
    "ragged rows": [[[1, 2, 3, 4, 5], [3]]],
    "too bright": [[[[300, 0, 0]]]],
    "a text": text(COLOUR),
    "too many": [text(SMALL)] * 257,
}


@pytest.mark.parametrize("form", WRONG)
def test_anything_else_gets_a_400_and_one_short_sentence(served, address, form):
    body = json.dumps({"inputs": WRONG[form]})
    answer = requests.post(address, body, headers={"Content-Type": "application/json"}, timeout=60)
    assert answer.status_code == 400
    message = answer.json()["message"]
    assert 10 < len(message) < 200 and "\n" not in message
    if form == "a text":  # MLflow's own server takes it as one picture
        return
    with pytest.raises(MlflowException) as caught:
        invocations(body, "application/json", served, served.metadata.get_input_schema())
    assert caught.value.get_http_status_code() == 400
    assert caught.value.message == message


@pytest.mark.parametrize(
    "body",
    [b"{" + b"x" * 5_000_000, b'{"inputs": ' + b"[" * 200_000, b'{"picture": []}', b"[]", b"\xff"],
    ids=["no JSON", "nested", "another key", "a list", "no UTF-8"],
)
def test_a_body_that_is_no_request_is_not_repeated(address, body):
    answer = requests.post(address, body, headers={"Content-Type": "application/json"}, timeout=60)
    assert answer.status_code == 400
    assert len(answer.content) < 200


def test_a_file_can_be_sent_as_it_is(predictor, address):
    answer = requests.post(address, png(COLOUR), headers={"Content-Type": "image/png"}, timeout=60)
    expected = predictor.table([png(COLOUR)]).to_dict("records")
    assert answer.json()["predictions"] == expected
    form = requests.post(address, files={"file": png(COLOUR)}, timeout=60)
    assert form.status_code == 400
    assert "application/octet-stream" in form.json()["message"]


def test_a_request_has_limits_on_bytes_and_on_pixels(address, monkeypatch):
    large = requests.post(address, b" " * (MAX_BYTES + 1), timeout=60)
    assert (large.status_code, len(large.content) < 200) == (413, True)
    # 24 bombs of 120 million pixels, 15 kB each: refused by their headers, nothing is decoded.
    stream = io.BytesIO()
    Image.new("1", (12_000, 10_000)).save(stream, "PNG")
    bombs = [base64.b64encode(stream.getvalue()).decode()] * 24
    answer = requests.post(address, json={"inputs": bombs}, timeout=60)
    assert answer.status_code == 400
    assert answer.json()["message"] == (
        f"picture 1 brings the request to 120000000 pixels; send at most {MAX_PIXELS} at a time"
    )
    assert answer.elapsed.total_seconds() < 2
    monkeypatch.setattr(picture_inputs, "MAX_PIXELS", 2 * GREY.size)
    assert len(pictures_of([png(GREY), GREY])) == 2
    with pytest.raises(RequestError, match="picture 3 brings the request to 3600 pixels"):
        pictures_of([png(GREY), GREY, GREY])


def test_a_taken_port_is_reported_in_one_sentence():
    bound = free_socket(0)
    bound.listen()
    port = bound.getsockname()[1]
    with pytest.raises(BakeoffError, match=f"port {port} .* choose another with --port"):
        free_socket(port)
    with pytest.raises(BakeoffError, match="port 70000"):
        free_socket(70000)
