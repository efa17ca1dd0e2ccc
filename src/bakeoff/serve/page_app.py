"""The page on MLflow's own scoring app: three files, the model's facts, one picture at a time."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bakeoff.pictures.decoding import FORMATS
from bakeoff.pictures.picture_error import PictureError
from bakeoff.serve.guard import Guard
from bakeoff.serve.http import MAX_BYTES, refusal
from bakeoff.serve.inspecting import Inspector
from bakeoff.serve.mlflow_model import scoring_app
from bakeoff.serve.picture_inputs import MAX_PIXELS, RequestError

_FILES = Path(__file__).parent / "page"
_READABLE = ", ".join(name for name in FORMATS if name != "DIB")
_REMEDIES = {"not a picture": f"; give {_READABLE}", "unsupported": ""}  # the last has its own


def page_app(inspector: Inspector, facts: Mapping[str, Any]) -> ASGIApp:
    """The page and MLflow's routes, behind the guard.

    `GET /about` gives `facts`, `POST /inspect` takes the bytes of one picture file and gives what
    `Inspector.inspect` does, `GET /training/<image_id>` is a training picture.
    """
    limits = {"missing": inspector.missing, "max_bytes": MAX_BYTES, "max_pixels": MAX_PIXELS}

    async def about(_: Request) -> Response:
        return JSONResponse({**facts, **limits})

    async def inspect(request: Request) -> Response:
        work = partial(_inspected, inspector, await request.body())
        return await anyio.to_thread.run_sync(work)

    async def training(request: Request) -> Response:
        return await anyio.to_thread.run_sync(
            partial(_training, inspector, request.path_params["image_id"])
        )

    app = scoring_app(inspector.predictor)
    files = {"/": "index.html", "/page.css": "page.css", "/page.js": "page.js"}
    app.router.routes += [
        *(Route(path, partial(_file, name)) for path, name in files.items()),
        Route("/about", about),
        Route("/inspect", inspect, methods=["POST"]),
        Route("/training/{image_id}", training),
    ]
    return Guard(app)


async def _file(name: str, _: Request) -> Response:
    return FileResponse(_FILES / name)


def _inspected(inspector: Inspector, content: bytes) -> Response:
    try:
        return JSONResponse(inspector.inspect(content))
    except PictureError as error:
        return refusal(400, f"{error}{_REMEDIES.get(error.reason, '; give another picture')}")
    except RequestError as error:
        return refusal(400, str(error))


def _training(inspector: Inspector, image_id: str) -> Response:
    try:
        return Response(inspector.thumbnail(image_id), media_type="image/jpeg")
    except (KeyError, OSError, PictureError):
        return refusal(404, "no such training picture here")
