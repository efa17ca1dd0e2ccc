"""Requests of other sites and too large ones, sent to a real server."""

import threading

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bakeoff.serve import http
from bakeoff.serve.guard import Guard


@pytest.fixture(scope="module")
def port():
    """A server that sends back the length of what it is sent."""

    async def length(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    app = Guard(Starlette(routes=[Route("/", length, methods=["GET", "POST"])]))
    bound, ready = http.free_socket(0), threading.Event()
    threading.Thread(target=http.run, args=(app, bound, ready.set), daemon=True).start()
    assert ready.wait(30)
    return bound.getsockname()[1]


def post(port: int, body: bytes = b"abc", **headers: str) -> requests.Response:
    return requests.post(f"http://127.0.0.1:{port}/", body, headers=headers, timeout=60)


def test_own_requests_pass_and_carry_the_policy(port):
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "localhost"):
        response = post(port, Host=host, Origin=f"http://{host}")
        assert (response.status_code, response.text) == (200, "3")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "http" not in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:5002"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
    ids=str,
)
def test_requests_of_other_sites_are_refused(port, headers):
    response = post(port, **headers)
    assert response.status_code == 403
    assert "content-security-policy" in response.headers


def test_a_body_above_the_limit_is_refused_in_one_sentence(port, monkeypatch):
    monkeypatch.setattr(http, "MAX_BYTES", 10)
    assert post(port, b"0123456789").text == "10"
    response = post(port, b"01234567890")
    assert response.status_code == 413
    assert "the request is larger than" in response.json()["message"]
