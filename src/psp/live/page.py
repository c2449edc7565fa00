"""The application behind the live page."""

from importlib.resources import files
from typing import Any

from starlette.applications import Starlette

from psp.live.stream import LiveStream
from psp.report.player import player_script, player_style, skeleton_for_player
from psp.serve.server import event_route, json_route, page_routes

SECONDS = 0.02
"""How often a page is told of new frames."""


def live_app(stream: LiveStream, title: str) -> Starlette:
    """Return the application that shows a stream."""
    interface = stream.recogniser.interface
    facts: dict[str, Any] = {
        "title": title,
        "classes": list(interface.classes),
        "skeleton": skeleton_for_player(interface.layout, interface.up, interface.channels),
    }
    own = {name: files("psp.live").joinpath(f"page.{name}").read_text("utf-8") for name in ("html", "js", "css")}
    texts = {"index.html": own["html"], "page.js": own["js"], "page.css": own["css"]}
    routes = page_routes({**texts, "player.js": player_script(), "player.css": player_style()})
    routes += [json_route("/facts", lambda browser, content: facts, "GET")]
    return Starlette(routes=[*routes, event_route("/events", stream.news, SECONDS)])
