"""Attacks on a local page: each is refused, and what is allowed passes."""

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from psp.serve.guard import LARGEST, Guard

PORT = 4321
HOST = f"127.0.0.1:{PORT}"
ORIGIN = f"http://{HOST}"
JSON = "application/json"


class Site:
    """A guarded application that notes what reaches it."""

    def __init__(self):
        self.reached, self.links = [], []

        async def page(request: Request) -> JSONResponse:
            self.reached.append((request.method, request.scope.get("content")))
            return JSONResponse({"browser": request.scope["browser"]})

        app = Starlette(routes=[Route("/", page, methods=["GET", "POST"])])
        self.guard = Guard(app, PORT, self.links.append)

    def ask(self, method="GET", path="/", body=b"", **headers):
        """Send a request; the host is right unless it is given. Returns the status, the headers and the body."""
        path, _, query = path.partition("?")
        given = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items() if value is not None],
            "scheme": "http", "server": ("127.0.0.1", PORT), "client": ("127.0.0.1", 1), "http_version": "1.1",
        }  # fmt: skip
        parts = [body[at : at + 30_000] for at in range(0, len(body), 30_000)] or [b""]
        incoming = iter([{"type": "http.request", "body": part, "more_body": part is not parts[-1]} for part in parts])
        sent = []

        async def receive():
            return next(incoming)

        async def send(message):
            sent.append(message)

        with ThreadPoolExecutor(1) as thread:  # tests of pages leave an event loop in this one
            thread.submit(asyncio.run, self.guard(scope, receive, send)).result()
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], found, b"".join(each.get("body", b"") for each in sent[1:])

    def enter(self):
        """Open the link and return the cookie."""
        status, headers, _ = self.ask(path=self.guard.link.removeprefix(ORIGIN))
        assert status == 200
        self.reached.clear()
        return headers["set-cookie"].partition(";")[0]

    def post(self, content, **headers):
        """Send JSON with a new cookie and the right origin."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        given = {"cookie": self.enter(), "origin": ORIGIN, "content_type": JSON, **headers}
        return self.ask("POST", body=body, **given)


@pytest.fixture
def site():
    return Site()


def test_the_link_gives_a_cookie_that_scripts_and_other_sites_cannot_use(site):
    status, headers, _ = site.ask(path=site.guard.link.removeprefix(ORIGIN))
    assert status == 200
    assert re.fullmatch(rf"psp-{PORT}=[\w-]{{40,}}; HttpOnly; SameSite=Strict; Path=/", headers["set-cookie"])
    cookie = headers["set-cookie"].partition(";")[0]
    status, headers, body = site.ask(cookie=cookie)
    assert (status, json.loads(body)) == (200, {"browser": 1})
    assert "set-cookie" not in headers


def test_a_link_works_once_and_the_next_one_is_for_another_browser(site):
    first = site.guard.link.removeprefix(ORIGIN)
    site.ask(path=first)
    assert site.ask(path=first)[0] == 403
    assert len(site.links) == 1
    assert site.links[0] == site.guard.link != ORIGIN + first
    status, _, body = site.ask(path=site.guard.link.removeprefix(ORIGIN))
    assert (status, json.loads(body)) == (200, {"browser": 2})


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=x", "/?token=é", "/?token=a&token=b"])
def test_without_a_token_nothing_is_reached(site, path):
    assert site.ask(path=path)[0] == 403
    assert not site.reached


@pytest.mark.parametrize("cookie", ["", f"psp-{PORT}=", f"psp-{PORT}=guess", "psp-1=x"])
def test_a_guessed_cookie_is_refused(site, cookie):
    site.enter()
    assert site.ask(cookie=cookie)[0] == 403
    assert not site.reached


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", "", None])
def test_another_host_name_is_refused_so_that_dns_rebinding_fails(site, host):
    cookie = site.enter()
    assert site.ask(cookie=cookie, host=host)[0] == 421
    assert site.ask(path=site.guard.link.removeprefix(ORIGIN), host=host)[0] == 421
    assert not site.reached


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", f"https://{HOST}", None])
def test_a_request_of_another_page_is_refused_even_with_the_cookie(site, origin):
    assert site.post({}, origin=origin)[0] == 403
    assert not site.reached
    if origin is not None:
        assert site.ask(cookie=site.enter(), origin=origin)[0] == 403


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/json; x"])
def test_a_body_that_a_form_could_send_is_refused(site, kind):
    assert site.post({"clips": []}, content_type=kind)[0] == 415
    assert not site.reached


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 40_000])
def test_a_body_that_is_no_json_object_is_refused(site, body):
    assert site.post(body)[0] == 400
    assert not site.reached


def test_a_large_body_is_refused_whatever_length_it_states(site):
    body = json.dumps({"x": "y" * LARGEST}).encode()
    status, _, answer = site.post(body, content_length="2")
    assert (status, json.loads(answer)) == (413, {"error": "The body is larger than 1 MiB."})
    assert not site.reached
    assert site.post({"x": "y" * (LARGEST - 100)})[0] == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD", "TRACE"])
def test_other_methods_are_refused(site, method):
    assert site.ask(method, cookie=site.enter(), origin=ORIGIN)[0] == 405


def test_the_content_reaches_the_application(site):
    assert site.post({"a": 1})[0] == 200
    assert site.reached == [("POST", {"a": 1})]


@pytest.mark.parametrize("headers", [{}, {"host": "evil.example"}, {"cookie": "x"}])
def test_every_response_forbids_scripts_frames_and_requests_elsewhere(site, headers):
    _, found, _ = site.ask(**headers)
    policy = dict(each.split(" ", 1) for each in found["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert (found["x-content-type-options"], found["cache-control"]) == ("nosniff", "no-store")


def test_secrets_are_long_and_differ():
    guards = [Guard(Starlette(), PORT) for _ in range(50)]
    tokens = {each.link.rpartition("=")[2] for each in guards}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 40
