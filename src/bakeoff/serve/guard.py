"""What stands before an app on this machine's own address: who may ask, and how much at once.

A page of another site, open in the same browser, can send requests to 127.0.0.1, and can have its
own name resolve to that address (DNS rebinding). Such requests are refused by their headers `Host`
and `Origin`, which a page cannot set.
"""

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bakeoff.serve.http import AT_ONCE, MAX_BYTES, TooLargeError, read_body, refusal

_HOSTS = ("127.0.0.1", "localhost")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses requests of other sites and bodies above `MAX_BYTES`; lets two at once through."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app
        self._limiter = anyio.CapacityLimiter(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        stranger = foreign(Headers(scope=scope))
        if stranger:
            await refusal(403, stranger)(scope, receive, send_with_headers)
            return
        try:
            body = await read_body(Request(scope, receive))
        except TooLargeError:
            sentence = f"the request is larger than {MAX_BYTES} bytes"
            await refusal(413, sentence)(scope, receive, send_with_headers)
            return
        async with self._limiter:
            await self._app(scope, _once(body, receive), send_with_headers)


def foreign(headers: Headers) -> str:
    """Why a request is refused as another site's; empty if it is not.

    Examples:
        >>> foreign(Headers({"host": "127.0.0.1:5002", "origin": "http://127.0.0.1:5002"}))
        ''
        >>> foreign(Headers({"host": "evil.example:5002"}))
        'this server answers to 127.0.0.1 and localhost only'
    """
    host = headers.get("host", "")
    if host.rpartition(":")[0] not in _HOSTS and host not in _HOSTS:
        return f"this server answers to {' and '.join(_HOSTS)} only"
    if headers.get("origin", f"http://{host}") != f"http://{host}":
        return "requests of other sites are refused"
    return ""


def _once(body: bytes, receive: Receive) -> Receive:
    """A body that was read, as a message; then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def messages() -> Message:
        return waiting.pop() if waiting else await receive()

    return messages
