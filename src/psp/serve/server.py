"""The web server of a local page: 127.0.0.1, a free port, and fixed files."""

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from psp.errors import PSPError
from psp.serve.guard import Guard

LOCAL = "127.0.0.1"
MEDIA = {"html": "text/html", "js": "text/javascript", "css": "text/css"}

Answer = Callable[[int, Mapping[str, Any]], Any]
"""A function of the number of a browser and the JSON object that it sent; its result is sent back as JSON."""


class LocalServer:
    """A server of an application behind a `Guard`, bound to a free port of 127.0.0.1 but not yet running."""

    def __init__(self, app: Starlette, on_link: Callable[[str], None] = lambda link: None) -> None:
        self.socket = socket.socket()
        self.socket.bind((LOCAL, 0))
        self.socket.listen()  # who opens the link before `run` waits instead of being refused
        self.port: int = self.socket.getsockname()[1]
        self.guard = Guard(app, self.port, on_link)
        config = uvicorn.Config(
            self.guard, log_level="error", access_log=False, lifespan="off", ws="none", http="h11", loop="asyncio",
            server_header=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)

    @property
    def link(self) -> str:
        """The address to open in a browser, which works once."""
        return self.guard.link

    def run(self) -> None:
        """Serve until `stop` is called or, in the main thread, until Ctrl-C or SIGTERM."""
        before = None
        with suppress(ValueError):  # not the main thread
            before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            with suppress(KeyboardInterrupt):
                self._server.run(sockets=[self.socket])
        finally:
            self.socket.close()
            if before is not None:
                signal.signal(signal.SIGTERM, before)

    def stop(self) -> None:
        """End `run`."""
        self._server.should_exit = True


def page_routes(files: Mapping[str, str]) -> list[Route]:
    """Return routes for texts by their names; index.html is the page itself. Nothing else can be read."""
    return [
        Route("/" if name == "index.html" else f"/{name}", _fixed(text, MEDIA[name.rsplit(".", 1)[1]]))
        for name, text in files.items()
    ]


def json_route(path: str, answer: Answer, method: str = "POST") -> Route:
    """Return a route whose answer is JSON; a PSPError becomes status 400, an OSError status 500."""

    def respond(request: Request) -> Response:
        try:
            return JSONResponse(answer(request.scope["browser"], request.scope.get("content", {})))
        except PSPError as error:
            return JSONResponse({"error": str(error)}, 400)
        except OSError as error:
            what = f"{error.filename or path}: {error.strerror or error}. Check the free space and the rights."
            return JSONResponse({"error": what}, 500)

    return Route(path, respond, methods=[method])


def event_route(path: str, next_event: Callable[[Any], tuple[Any, Any] | None], seconds: float = 0.1) -> Route:
    """Return a route of server-sent events.

    `next_event` is called every `seconds` with the last position (None at first) and returns the next position and an
    event, or None if there is no news.
    """

    async def lines() -> AsyncIterator[str]:
        position: Any = None
        while True:
            found = next_event(position)
            if found is None:
                await asyncio.sleep(seconds)
            else:
                position, event = found
                yield f"data: {json.dumps(event, allow_nan=False)}\n\n"

    async def respond(request: Request) -> Response:
        return StreamingResponse(lines(), media_type="text/event-stream")

    return Route(path, respond)


def _fixed(text: str, media: str) -> Callable[[Request], Response]:
    def respond(request: Request) -> Response:
        return Response(text, media_type=media)

    return respond


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
