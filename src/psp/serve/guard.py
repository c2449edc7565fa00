"""The checks that every request to a local page passes, and the headers that every response gets."""

import hmac
import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST = 1024**2
"""The largest body of a request in bytes."""

POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src data:",
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
))  # fmt: skip

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}

OUTSIDE = "Open the address that the terminal shows."


class Guard:
    """An ASGI application that lets only browsers with a cookie of this process reach another one.

    A browser gets its cookie by opening `link`, whose token works once; then `on_link` is called with the next link,
    for another browser. Requests must name this server as their host and, if they state an origin or are not GET, as
    their origin, so that no other web page can send or read anything. Bodies are JSON objects of at most 1 MiB;
    `scope["content"]` holds the object and `scope["browser"]` the number of the browser, from 1.
    """

    def __init__(self, app: ASGIApp, port: int, on_link: Callable[[str], None] = lambda link: None) -> None:
        self._app, self._port, self._on_link = app, port, on_link
        self._hosts = tuple(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
        self._cookie = f"psp-{port}"
        self._secrets: list[str] = []
        self._token = secrets.token_urlsafe(32)

    @property
    def link(self) -> str:
        """The address with the present token."""
        return f"http://{self._hosts[0]}/?token={self._token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or pass it on; other protocols than HTTP are refused."""
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        request = Request(scope, receive)
        refusal = self._misdirected(request)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        browser = self._browser(request)
        cookie = None
        if browser is None and self._has_token(request):
            cookie, browser = self._new_browser()
        if browser is None:
            await Response(OUTSIDE, 403, media_type="text/plain")(scope, receive, send_with_headers)
            return
        scope["browser"] = browser
        refusal = await _read_content(request) if request.method == "POST" else None
        await (refusal or _WithCookie(self._app, cookie))(scope, receive, send_with_headers)

    def _misdirected(self, request: Request) -> Response | None:
        """Return the refusal of a request that was not made by a page of this server."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if host not in self._hosts:
            return Response("This server has another name.", 421, media_type="text/plain")
        if request.method not in ("GET", "POST"):
            return Response("Only GET and POST are possible.", 405, media_type="text/plain")
        if origin != f"http://{host}" and not (origin is None and request.method == "GET"):
            return Response("The request comes from another page.", 403, media_type="text/plain")
        return None

    def _browser(self, request: Request) -> int | None:
        """Return the number of the browser that sent a cookie of this process."""
        given = request.cookies.get(self._cookie, "").encode()
        found = [hmac.compare_digest(given, secret.encode()) for secret in self._secrets]
        return found.index(True) + 1 if any(found) else None

    def _has_token(self, request: Request) -> bool:
        given = parse_qs(request.url.query).get("token", [""])[0] if request.url.path == "/" else ""
        return request.method == "GET" and hmac.compare_digest(given.encode(), self._token.encode())

    def _new_browser(self) -> tuple[str, int]:
        """Return the cookie and the number of a new browser; the token is replaced by another one."""
        self._token = secrets.token_urlsafe(32)
        self._secrets.append(secrets.token_urlsafe(32))
        self._on_link(self.link)
        return f"{self._cookie}={self._secrets[-1]}; HttpOnly; SameSite=Strict; Path=/", len(self._secrets)


class _WithCookie:
    """An application whose response sets a cookie."""

    def __init__(self, app: ASGIApp, cookie: str | None) -> None:
        self._app, self._cookie = app, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_cookie(message: Message) -> None:
            if self._cookie is not None and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"set-cookie", self._cookie.encode())]
            await send(message)

        await self._app(scope, receive, send_cookie)


_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


async def _read_content(request: Request) -> Response | None:
    """Read a JSON object into the scope of a request; return the refusal of any other body."""
    if request.headers.get("content-type", "") != "application/json":
        return _refused("The body must be application/json.", 415)
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > LARGEST:
                return _refused("The body is larger than 1 MiB.", 413)
        content: Any = json.loads(body)
    except (ValueError, RecursionError, ClientDisconnect):
        return _refused("The body is not JSON.", 400)
    if not isinstance(content, dict):
        return _refused("The body is not a JSON object.", 400)
    request.scope["content"] = content
    return None


def _refused(message: str, status: int) -> Response:
    return JSONResponse({"error": message}, status)
