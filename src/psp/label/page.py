"""The application behind the labelling page: what it shows, and what it may do."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from psp.label.estimate import Share
from psp.label.journal import Entry, user_name
from psp.label.proposal import Proposal
from psp.label.requests import class_name, clip_ids, number
from psp.label.session import Session
from psp.label.timelines import timelines
from psp.report.player import clip_for_player, player_script, player_style, skeleton_for_player
from psp.serve.server import event_route, json_route, page_routes

SHOWN, RECENT, FRAMES = 12, 12, 150
"""The largest number of clips sent at once, of entries in the history, and of frames of a clip."""


def label_app(session: Session) -> Starlette:
    """Return the application of a labelling."""
    actions = Actions(session)
    posts = {
        "/next": actions.next, "/clips": actions.clips, "/label": actions.label, "/skip": actions.skip,
        "/reject": actions.reject, "/undo": actions.undo, "/train": actions.train, "/group": actions.group,
        "/recording": actions.recording,
    }  # fmt: skip
    own = {name: files("psp.label").joinpath(f"page.{name}").read_text("utf-8") for name in ("html", "js", "css")}
    texts = {"index.html": own["html"], "page.js": own["js"], "page.css": own["css"]}
    routes = page_routes({**texts, "player.js": player_script(), "player.css": player_style()})
    routes += [json_route(path, answer) for path, answer in posts.items()]
    routes += [json_route("/state", lambda browser, _: actions.state(browser), "GET")]
    routes += [Route("/labels.csv", actions.export), event_route("/events", actions.news)]
    return Starlette(routes=routes)


class Actions:
    """The answers to the requests of the page."""

    def __init__(self, session: Session) -> None:
        self.session, self.folder = session, session.folder
        self.user = user_name()
        self.recordings = timelines(session.ids)

    def state(self, browser: int) -> dict[str, Any]:
        """Return what the page shows around the clips."""
        session, folder, store = self.session, self.folder, self.folder.store
        with session.changed:
            known, rounds, growth = folder.known, session.rounds, session.growth()
            count = dict.fromkeys(folder.classes, 0) | Counter(known.values())
            return {
                "version": session.version,
                "name": folder.path.name,
                "you": self._by(browser),
                "skeleton": skeleton_for_player(store.layout, store.up, store.channels),
                "classes": [
                    {"name": name, "count": each, "shown": bool(each) or name in store.classes}
                    for name, each in count.items()
                ],
                "labelled": len(known),
                "clips": len(session.ids),
                "rejected": len(folder.labels.rejected),
                "skipped": len(folder.labels.skipped),
                "every": session.every,
                "untilTraining": session.until_training,
                "canTrain": len(set(known.values())) > 1,
                "training": {
                    "state": rounds.state, "message": rounds.message, "round": rounds.number,
                    "seconds": round(rounds.seconds), "lastSeconds": rounds.last_seconds,
                },
                "round": session.round,
                "accuracy": _share(growth.latest),
                "growth": [_share(each) for each in growth.rounds],
                "recent": self._recent(),
                "recordings": [each.name for each in self.recordings],
            }  # fmt: skip

    def next(self, browser: int, content: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the clips that this browser labels next."""
        return [_proposal(each) for each in self.session.next(browser, number(content, "count", 1, SHOWN))]

    def clips(self, browser: int, content: Mapping[str, Any]) -> dict[str, Any]:
        """Return clips for the player, by id."""
        names = clip_ids(content, self.session.row)[:SHOWN]
        store, index = self.folder.store, self.session.index
        return {
            name: clip_for_player(store.clip(int(index[self.session.row[name]])), most=FRAMES, bits=8) for name in names
        }

    def label(self, browser: int, content: Mapping[str, Any]) -> dict[str, Any]:
        """Give clips a class."""
        return self._add(browser, content, Entry("label", label=class_name(content)))

    def skip(self, browser: int, content: Mapping[str, Any]) -> dict[str, Any]:
        """Put clips off."""
        return self._add(browser, content, Entry("skip"))

    def reject(self, browser: int, content: Mapping[str, Any]) -> dict[str, Any]:
        """Leave clips that show no action out of training."""
        return self._add(browser, content, Entry("reject"))

    def undo(self, browser: int, content: Mapping[str, Any]) -> dict[str, Any]:
        """Withdraw the last entry of this browser."""
        entry = self.session.undo(browser, self._by(browser))
        return {"undone": None if entry is None else _entry(entry)}

    def train(self, browser: int, content: Mapping[str, Any]) -> dict[str, Any]:
        """Train a network now."""
        self.session.train()
        return {}

    def group(self, browser: int, content: Mapping[str, Any]) -> dict[str, Any]:
        """Return a group of clips in which the recogniser is sure of one class."""
        found = self.session.group(browser, number(content, "number", 0, 10_000))
        return {"groups": 0} if found is None else {"label": found[0], "clips": found[1], "groups": found[2]}

    def recording(self, browser: int, content: Mapping[str, Any]) -> dict[str, Any]:
        """Return the timeline of a recording, with the labels and what the recogniser says.

        `seen` is the number of entries of the journal that it shows.
        """
        found = self.recordings[number(content, "number", 0, len(self.recordings) - 1)]
        with self.session.changed:
            known, rejected, seen = self.folder.known, self.folder.labels.rejected, len(self.folder.journal)
            guesses = self.session.guesses()
        windows = [
            {"clip": clip, "start": start, "end": end, "label": known.get(clip), "guess": guesses.get(clip),
             "rejected": clip in rejected}
            for start, end, clip in found.windows
        ]  # fmt: skip
        return {"name": found.name, "frames": found.frames, "windows": windows, "seen": seen}

    def export(self, request: Request) -> Response:
        """Return the labels as the CSV file that `psp train --labels` reads."""
        headers = {"content-disposition": 'attachment; filename="labels.csv"'}
        return Response(self.folder.table.read_text("utf-8"), media_type="text/csv", headers=headers)

    def news(self, seen: int | None) -> tuple[int, int] | None:
        """Return the version if it is new."""
        version = self.session.version
        return None if version == seen else (version, version)

    def _add(self, browser: int, content: Mapping[str, Any], entry: Entry) -> dict[str, Any]:
        """Add an entry about clips: one clip, a group, or a stretch of a recording (`how`) as the page showed it."""
        names, how = clip_ids(content, self.session.row), content.get("how")
        how = how if how in ("group", "timeline") else "chosen"
        seen = number(content, "seen", 0, len(self.folder.journal)) if how == "timeline" else None
        self.session.add(browser, replace(entry, clips=names, by=self._by(browser), how=how), seen)
        return {}

    def _by(self, browser: int) -> str:
        return f"{self.user}, browser {browser}"

    def _recent(self) -> list[dict[str, Any]]:
        undone = self.folder.labels.undone
        entries = self.folder.journal.entries
        kept = [each for n, each in enumerate(entries) if n not in undone and each.act != "undo"]
        return [_entry(each) for each in reversed(kept[-RECENT:])]


def _share(found: Share | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)


def _proposal(each: Proposal) -> dict[str, Any]:
    return {"clip": each.clip, "how": each.how, "suggestion": each.suggestion}


def _entry(each: Entry) -> dict[str, Any]:
    return {
        "act": each.act,
        "clips": list(each.clips),
        "label": each.label,
        "by": each.by,
        "how": each.how,
        "at": each.at,
    }
