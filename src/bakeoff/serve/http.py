"""Serve a model over HTTP on this machine, in MLflow's protocol, with limits on requests.

MLflow's own server reads requests of any size, repeats them in its errors, and runs code from the
model store. This one only loads a model folder through `bakeoff.serve.predictor`.
"""

import json
import socket
from collections.abc import Callable
from functools import partial
from importlib import metadata
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bakeoff.pictures.picture_error import PictureError
from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.picture_inputs import RequestError, pictures_of
from bakeoff.serve.predictor import Predictor

MAX_BYTES = 32 * 1024 * 1024  # of one request's body
AT_ONCE = 2  # concurrent requests; the others wait, so memory stays bounded
_KEYS = ("inputs", "instances")
_FILES = ("image/", "application/octet-stream")


class TooLargeError(Exception):
    """A request's body is larger than `MAX_BYTES`."""


def application(predictor: Predictor, about: dict[str, str]) -> Starlette:
    """The service.

    `POST /invocations` takes `{"inputs": [picture, …]}` as JSON, or the bytes of one picture file
    as `image/…` or `application/octet-stream`, and answers `{"predictions": [{"label", "p_<class>",
    …}, …]}` with `about` beside it. `GET /ping`, `/health` and `/version` are MLflow's. `about`
    describes the model in every response.
    """
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def invocations(request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            body = await read_body(request)
            work = partial(_predictions, predictor, kind, body)
            rows = await anyio.to_thread.run_sync(work, limiter=limiter)
        except TooLargeError:
            return refusal(413, f"the request is larger than {MAX_BYTES} bytes")
        except RequestError as error:
            return refusal(400, str(error))
        except PictureError as error:
            return refusal(400, f"{error.detail}: {error.reason}")
        return JSONResponse({"predictions": rows} | about)

    async def alive(_: Request) -> Response:
        return PlainTextResponse("\n")

    async def version(_: Request) -> Response:
        return PlainTextResponse(metadata.version("mlflow"))

    return Starlette(
        routes=[
            Route("/invocations", invocations, methods=["POST"]),
            Route("/ping", alive),
            Route("/health", alive),
            Route("/version", version),
        ]
    )


def refusal(status: int, sentence: str) -> JSONResponse:
    """An error as MLflow's server answers it."""
    return JSONResponse({"error_code": "BAD_REQUEST", "message": sentence}, status)


async def read_body(request: Request) -> bytes:
    """The body of a request; TooLargeError above `MAX_BYTES`."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise TooLargeError
    return bytes(body)


def _predictions(predictor: Predictor, kind: str, body: bytes) -> list[dict[str, Any]]:
    if kind.startswith(_FILES):
        sent: Any = body
    elif kind == "application/json":
        sent = _sent(body)
    else:
        raise RequestError(
            "send JSON as application/json, or one picture file as application/octet-stream"
        )
    rows = predictor.table(pictures_of(sent)).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _sent(body: bytes) -> Any:
    """The pictures of a JSON body; no error repeats the body."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise RequestError("the body is not JSON, or is nested too deeply") from None
    found = [key for key in _KEYS if isinstance(request, dict) and key in request]
    if len(found) != 1:
        raise RequestError('send {"inputs": [picture, …]}')
    if not isinstance(request[found[0]], list):
        raise RequestError(f"'{found[0]}' must be a list of pictures")
    return request[found[0]]


def free_socket(port: int) -> socket.socket:
    """A socket bound to the port of 127.0.0.1; port 0 is any free one.

    Raises:
        BakeoffError: the port is in use or not available.
    """
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or error
        raise BakeoffError(
            f"port {port} of 127.0.0.1 cannot be used ({reason}); choose another with --port"
        ) from None
    return bound


class _Server(uvicorn.Server):
    """Calls back once it accepts requests."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._ready()


def run(app: ASGIApp, bound: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C or a termination signal; `ready` is called when requests are answered."""
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    _Server(config, ready).run(sockets=[bound])
