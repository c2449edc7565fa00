"""The labelling page over HTTP and in a browser, from unlabelled clips to a recogniser."""

import http.client
import json
import os
import threading
import time

import pytest

from browser import open_page, until
from labelling import QUICK, store_to_label, truth
from psp.dataset.split import resolve_split
from psp.label.folder import LabelFolder
from psp.label.page import label_app
from psp.label.requests import MOST
from psp.label.rounds import Rounds
from psp.label.session import Session
from psp.serve.server import LocalServer

CLIPS, WINDOWS, EVERY = 40, 8, 12


class Running:
    """A labelling served on a port of its own."""

    def __init__(self, store, path, every=1000):
        self.folder = LabelFolder(path, store, resolve_split("none", store))
        self.session = Session(self.folder, Rounds(path / "rounds", store.path, QUICK, niceness=0), every=every)
        self.server = LocalServer(label_app(self.session))
        self.thread = threading.Thread(target=self.server.run)
        self.cookies = {}

    def __enter__(self):
        self.session.__enter__()
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.server.stop()
        self.thread.join()
        self.session.__exit__(*error)

    def ask(self, path, content=None, browser=1):
        """Send a request as a browser and return the status and the answer."""
        while browser not in self.cookies:
            answer, _ = self._send("GET", self.server.link.partition("/?")[2].join(("/?", "")), None, {})
            self.cookies[len(self.cookies) + 1] = answer.getheader("set-cookie").partition(";")[0]
        headers = {"cookie": self.cookies[browser], "origin": f"http://127.0.0.1:{self.server.port}"}
        headers |= {} if content is None else {"content-type": "application/json"}
        body = None if content is None else json.dumps(content)
        answer, text = self._send("GET" if content is None else "POST", path, body, headers)
        is_json = answer.getheader("content-type", "").startswith("application/json")
        return answer.status, json.loads(text) if is_json else text.decode()

    def _send(self, method, path, body, headers):
        for _ in range(200):
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                return answer, answer.read()
            except ConnectionRefusedError:
                time.sleep(0.05)
            finally:
                connection.close()
        raise AssertionError("the server does not answer")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_to_label(tmp_path_factory.mktemp("page") / "store", CLIPS, WINDOWS)


@pytest.fixture
def running(store, tmp_path):
    with Running(store, tmp_path / "labels") as found:
        yield found


def first(running, browser=1, count=1):
    status, found = running.ask("/next", {"count": count}, browser)
    assert status == 200
    return [each["clip"] for each in found]


def test_a_label_is_in_the_journal_and_the_table_when_the_answer_comes(running):
    (clip,) = first(running)
    assert running.ask("/label", {"clips": [clip], "label": " wave "})[0] == 200
    line = json.loads((running.folder.path / "journal.jsonl").read_text())
    assert (line["clips"], line["label"], line["how"]) == ([clip], "wave", "centre")
    assert line["by"].endswith("browser 1")
    assert running.ask("/labels.csv")[1] == f"id,label\n{clip},wave\n"
    state = running.ask("/state")[1]
    assert (state["labelled"], state["classes"]) == (1, [{"name": "wave", "count": 1, "shown": True}])


def test_two_browsers_get_different_clips_and_see_each_other(running):
    one, two = first(running, 1, 4), first(running, 2, 4)
    assert not set(one) & set(two)
    version = running.ask("/state", browser=2)[1]["version"]
    running.ask("/label", {"clips": one[:1], "label": "jump"}, 1)
    seen = running.ask("/state", browser=2)[1]
    assert seen["version"] > version
    assert (seen["recent"][0]["label"], seen["recent"][0]["clips"]) == ("jump", one[:1])
    assert seen["recent"][0]["by"] != seen["you"]
    assert running.ask("/undo", {}, 2)[1] == {"undone": None}
    assert running.ask("/undo", {}, 1)[1]["undone"]["label"] == "jump"
    assert first(running, 1) == one[:1]


def test_clips_put_off_come_last_and_rejected_ones_never(running):
    skipped, rejected = first(running, count=2)
    running.ask("/skip", {"clips": [skipped]})
    running.ask("/reject", {"clips": [rejected]})
    rest = [clip for clip in running.session.ids if clip not in (skipped, rejected)]
    running.ask("/label", {"clips": rest[1:], "label": "walk", "how": "group"})
    assert first(running, count=5) == rest[:1]
    running.ask("/label", {"clips": rest[:1], "label": "walk"})
    assert first(running, count=5) == [skipped]
    running.ask("/label", {"clips": [skipped], "label": "walk"})
    assert first(running, count=5) == []
    assert running.ask("/state")[1]["labelled"] == CLIPS + WINDOWS - 1


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/label", {"clips": ["../../etc/passwd"], "label": "x"}),
        ("/label", {"clips": "clip001", "label": "x"}),
        ("/label", {"clips": [], "label": "x"}),
        ("/label", {"clips": [["clip001"]], "label": "x"}),
        ("/label", {"clips": ["clip001"]}),
        ("/label", {"clips": ["clip001"], "label": ""}),
        ("/label", {"clips": ["clip001"], "label": 3}),
        ("/label", {"clips": ["clip001"], "label": "a\nb"}),
        ("/label", {"clips": ["clip001"], "label": "a\u202eb"}),
        ("/label", {"clips": ["clip001"], "label": "run\u200b"}),
        ("/label", {"clips": ["clip001"], "label": "x" * 81}),
        ("/label", {"clips": ["long:0-10"], "label": "x", "how": "timeline"}),
        ("/label", {"clips": ["long:0-10"], "label": "x", "how": "timeline", "seen": 1}),
        ("/clips", {"clips": ["/etc/passwd"]}),
        ("/next", {"count": 10**9}),
        ("/next", {"count": True}),
        ("/recording", {"number": -1}),
        ("/recording", {"number": "../x"}),
        ("/group", {"number": 1.5}),
        ("/train", {}),
    ],
)
def test_impossible_requests_change_nothing(running, path, content):
    assert running.ask(path, content)[0] == 400
    assert not running.folder.journal.entries
    assert not list((running.folder.path / "rounds").iterdir())


@pytest.mark.parametrize("how", ["timeline", "chosen"])
def test_a_timeline_replaces_the_label_of_another_person_only_if_it_showed_it(running, how):
    def seen(browser):
        return running.ask("/recording", {"number": 0}, browser)[1]["seen"]

    window, stale = "long:10-20", seen(1)
    assert running.ask("/label", {"clips": [window], "label": "walk", "how": how, "seen": seen(2)}, 2)[0] == 200
    again = {"clips": ["long:0-10", window], "label": "run", "how": "timeline"}
    status, answer = running.ask("/label", {**again, "seen": stale})
    assert status == 400
    assert "meanwhile been labelled 'walk' by" in answer["error"]
    assert running.folder.known == {window: "walk"}
    assert running.ask("/label", {**again, "seen": seen(1)})[0] == 200
    assert running.folder.known == {window: "run", "long:0-10": "run"}


def test_a_request_may_name_many_clips_and_is_told_the_limit(running):
    many = [running.session.ids[0]] * MOST
    assert running.ask("/reject", {"clips": many, "how": "group", "more": "é" * 50_000}) == (200, {})
    status, answer = running.ask("/reject", {"clips": [*many, *many[:1]]})
    assert (status, answer["error"]) == (400, "the request names 2001 clips, more than 2000. Choose fewer clips.")


def test_a_label_that_cannot_be_written_is_answered_and_can_be_given_again(running, monkeypatch):
    (clip,) = first(running)

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        status, answer = running.ask("/label", {"clips": [clip], "label": "wave"})
    assert status == 500
    assert "journal.jsonl: No space left on device" in answer["error"]
    assert running.ask("/state")[1]["labelled"] == 0
    assert first(running) == [clip]
    assert running.ask("/label", {"clips": [clip], "label": "wave"}) == (200, {})


@pytest.mark.parametrize("path", ["/../labels.csv", "/journal.jsonl", "/page.js/../../x", "//etc/passwd", "/static"])
def test_only_the_files_of_the_page_are_served(running, path):
    assert running.ask(path)[0] == 404


def test_without_the_cookie_nothing_is_served(running):
    for path in ("/", "/state", "/page.js", "/labels.csv", "/events"):
        assert running._send("GET", path, None, {})[0].status == 403


def test_the_server_listens_on_this_machine_only(running):
    assert running.server.socket.getsockname()[0] == "127.0.0.1"


def shown(page):
    until(page, "queue.length && document.getElementById('current').dataset.clip === queue[0].clip")
    return page.evaluate("() => queue[0].clip")


def classes(page):
    return page.evaluate("() => state.classes.map((each) => each.name)")


def give(page, name):
    """Label the present clip by the keyboard."""
    clip = shown(page)
    if name in classes(page):
        page.keyboard.press("1234567890"[classes(page).index(name)])
    else:
        page.keyboard.press("+")
        page.keyboard.type(name)
        page.keyboard.press("Shift+Enter")
    until(page, f"queue.length && queue[0].clip !== '{clip}' && !pending.size")
    return clip


def drag(page, start, end):
    """Choose a stretch of the windows of a recording."""
    boxes = [page.locator("#timeline > div").nth(number).bounding_box() for number in (start, end)]
    page.mouse.move(boxes[0]["x"] + 9, boxes[0]["y"] + 9)
    page.mouse.down()
    page.mouse.move(boxes[1]["x"] + 9, boxes[1]["y"] + 9, steps=6)
    page.mouse.up()


def begin(page, link):
    page.goto(link)
    until(page, "document.getElementById('keys')?.open")
    page.keyboard.press("Enter")
    assert page.evaluate("() => location.search") == ""


def test_undo_later_and_not_an_action_by_the_keyboard(browser, running):
    odd = "<img src=x onerror=alert(1)>"
    with open_page(browser, viewport={"width": 360, "height": 740}) as page:
        begin(page, running.server.link)
        clip = give(page, odd)
        until(page, "document.querySelector('#classes .class-name')")
        assert page.inner_text("#classes .class-name") == odd
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
        page.keyboard.press("Backspace")
        until(page, f"state.labelled === 0 && queue[0]?.clip === '{clip}'")
        assert shown(page) == clip
        page.keyboard.press(" ")
        until(page, f"queue[0]?.clip !== '{clip}' && queue.length && !pending.size")
        rejected = shown(page)
        page.keyboard.press("-")
        until(page, "state.rejected === 1 && !pending.size")
    labels = running.folder.labels
    assert (labels.skipped, labels.rejected, dict(labels.label)) == ({clip}, {rejected}, {})


REFUSE = """(path) => {
  const ask = window.fetch;
  window.refuse = true;
  window.fetch = async (asked, content) => window.refuse && asked === path
    ? new Response('{"error": "no"}', {status: 400, headers: {"content-type": "application/json"}})
    : ask(asked, content);
}"""
"""JavaScript that makes requests of a path fail while `refuse` is true, without a line on the console."""


def show_group(page, clips):
    """Let the server answer with a group of the class wave, and show it."""
    answer = json.dumps({"label": "wave", "clips": clips, "groups": 1})
    page.unroute("**/group")
    page.route("**/group", lambda route: route.fulfill(body=answer, content_type="application/json"))
    if page.evaluate("() => mode") != "groups":
        page.click("#tab-groups")
        until(page, f"document.querySelectorAll('#group button').length === {len(clips)}")


def test_a_new_network_leaves_what_is_on_the_screen(browser, running):
    ids = running.session.ids
    arrive = "async () => { state.round = -1; await refresh(); }"
    with open_page(browser) as page:
        begin(page, running.server.link)
        shown(page)
        page.click("#ahead button:nth-child(3)")
        clip = shown(page)
        page.evaluate(arrive)
        assert shown(page) == clip
        assert page.evaluate("() => queue.length") == 5
        show_group(page, ids[:3])
        page.keyboard.press("2")
        show_group(page, ids[3:6])
        page.evaluate(arrive)
        page.keyboard.press("Enter")
        until(page, "state.labelled === 2")
        page.keyboard.press("Space")
        until(page, f"document.querySelector('#group button').dataset.clip === '{ids[3]}'")
    assert dict(running.folder.labels.label) == {ids[0]: "wave", ids[2]: "wave"}


def test_a_group_is_accepted_once(browser, running):
    with open_page(browser) as page:
        begin(page, running.server.link)
        show_group(page, running.session.ids[:3])
        page.evaluate("() => { accept(); accept(); toggle(document.querySelector('#group button')); accept(); }")
        until(page, "state.labelled === 3 && !accepting")
        assert page.is_enabled("#accept")
    assert len(running.folder.journal.entries) == 1


def test_a_clip_whose_label_is_refused_comes_back(browser, running):
    with open_page(browser) as page:
        begin(page, running.server.link)
        clip = shown(page)
        page.evaluate(REFUSE, "/label")
        page.keyboard.press("+")
        page.keyboard.type("wave")
        page.keyboard.press("Enter")
        until(page, f"!pending.size && queue[0].clip === '{clip}' && !document.getElementById('message').hidden")
        assert shown(page) == clip
        assert (page.inner_text("#said"), page.inner_text("#message")) == ("", "no")
        page.evaluate("async () => { window.refuse = false; await refresh(); await refill(); }")
        assert page.is_visible("#message")
        give(page, "wave")
        assert page.inner_text("#said") == "labelled wave"
        assert not page.is_visible("#message")
    assert dict(running.folder.labels.label) == {clip: "wave"}


def test_the_page_asks_again_while_no_clip_is_free(browser, running):
    with open_page(browser) as page:
        begin(page, running.server.link)
        shown(page)
        page.evaluate("""() => {
          const ask = window.fetch;
          let left = 2;
          window.fetch = async (asked, content) =>
            asked === "/next" && left-- > 0 ? Response.json([]) : ask(asked, content);
        }""")
        page.evaluate("() => refill()")
        assert page.inner_text("#why") == "Waiting for clips …"
        for _ in range(2):
            page.evaluate("() => new Promise((done) => setTimeout(done, AGAIN))")
        shown(page)


def test_the_keys_label_after_the_player_was_used_with_the_mouse(browser, running):
    with open_page(browser) as page:
        begin(page, running.server.link)
        give(page, "wave")
        for part in (".psp-time", ".psp-play", ".psp-speed"):
            page.click(f"#current {part}")
            give(page, "wave")
        page.click("#tab-recordings")
        until(page, f"document.querySelectorAll('#timeline > div').length === {WINDOWS}")
        page.dispatch_event("#recording", "pointerdown")
        page.focus("#recording")
        page.select_option("#recording", label="long")
        until(page, f"document.querySelectorAll('#timeline > div').length === {WINDOWS}")
        page.keyboard.press("1")
        until(page, "state.labelled === 5")
        page.keyboard.press("ArrowRight")
        until(page, "document.getElementById('timeline').getAttribute('aria-activedescendant') === 'window-2'")
        assert page.get_attribute("#window-2", "aria-selected") == "true"


def test_a_class_whose_name_is_part_of_another_is_made_by_touch(browser, running):
    with open_page(browser, viewport={"width": 360, "height": 740}, has_touch=True) as page:
        begin(page, running.server.link)
        give(page, "sit down")
        page.fill("#class", "sit down")
        assert not page.is_visible("#new")
        page.fill("#class", "sit")
        page.tap("#new")
        until(page, "state.classes.length === 2 && !pending.size")
        assert classes(page) == ["sit down", "sit"]
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360


def test_news_leaves_the_buttons_of_the_classes(browser, running):
    with open_page(browser) as page:
        begin(page, running.server.link)
        give(page, "wave")
        give(page, "walk")
        clip, box = shown(page), page.locator("#classes button").nth(1).bounding_box()
        page.focus("#classes button")
        page.evaluate("() => refresh()")
        assert page.evaluate("() => document.activeElement.querySelector('.class-name').textContent") == "wave"
        page.mouse.move(box["x"] + 9, box["y"] + 9)
        page.mouse.down()
        page.evaluate("() => refresh()")
        page.mouse.up()
        until(page, "state.labelled === 3 && !pending.size")
    assert running.folder.labels.label[clip] == "walk"


HOLD = """() => {
  const ask = window.fetch;
  window.heldBack = [];
  window.fetch = (asked, content) => asked !== "/label" ? ask(asked, content)
    : new Promise((done) => window.heldBack.push(() => done(ask(asked, content))));
}"""
"""JavaScript that makes labels wait until the next function of `open` is called."""


def open_recording(page, link):
    begin(page, link)
    page.click("#tab-recordings")
    until(page, f"document.querySelectorAll('#timeline > div').length === {WINDOWS}")


def selected(page):
    return page.evaluate("() => bounds()")


def test_the_timeline_shows_what_others_label_but_not_during_a_drag(browser, running):
    def label(number, name):
        seen = len(running.folder.journal)
        content = {"clips": [f"long:{10 * number}-{10 * number + 10}"], "label": name, "how": "timeline", "seen": seen}
        assert running.ask("/label", content, 2)[0] == 200

    with open_page(browser) as page:
        open_recording(page, running.server.link)
        drag(page, 2, 4)
        label(1, "walk")
        until(page, "document.getElementById('window-1').textContent === 'walk'")
        assert selected(page) == [2, 4]
        box = page.locator("#window-5").bounding_box()
        page.mouse.move(box["x"] + 9, box["y"] + 9)
        page.mouse.down()
        label(5, "jump")
        until(page, "state.labelled === 2")
        assert page.inner_text("#window-5") == ""
        sent = page.evaluate("""async () => {
          const ask = window.fetch, sent = [];
          window.fetch = (asked, content) => asked !== "/label" ? ask(asked, content)
            : (sent.push(JSON.parse(content.body).seen), Response.json({}));
          answer("walk");
          await busy;
          window.fetch = ask;
          setStretch(5, 5);
          return sent;
        }""")
        assert sent == [1]
        page.mouse.up()
        until(page, "document.getElementById('window-5').textContent === 'jump'")
        assert selected(page) == [5, 5]
        page.keyboard.press("1")
        until(page, "document.getElementById('window-5').textContent === 'walk'")
    assert running.folder.known == {"long:10-20": "walk", "long:50-60": "walk"}


def test_keys_that_come_before_the_answer_label_one_stretch_after_the_other(browser, running):
    with open_page(browser) as page:
        open_recording(page, running.server.link)
        page.evaluate(HOLD)
        page.evaluate("() => { answer('wave'); answer('walk'); reject(); }")
        assert selected(page) == [3, 3]
        drag(page, 5, 6)
        for count in (1, 2):
            until(page, "window.heldBack.length")
            page.evaluate("() => window.heldBack.shift()()")
            until(page, f"state.labelled === {count}")
        until(page, "state.rejected === 1")
        assert selected(page) == [5, 6]
        page.evaluate(REFUSE, "/label")
        page.evaluate("() => { answer('jump'); }")
        assert selected(page) == [7, 7]
        until(page, "!document.getElementById('message').hidden")
        assert selected(page) == [5, 6]
        page.evaluate("async () => { answer('jump'); moveStretch(-1, false); await busy; }")
        assert selected(page) == [6, 6]
    assert running.folder.known == {"long:0-10": "wave", "long:10-20": "walk"}
    assert running.folder.labels.rejected == {"long:20-30"}


def test_a_key_pressed_before_another_recording_is_shown_labels_nothing(browser, running):
    with open_page(browser) as page:
        open_recording(page, running.server.link)
        page.evaluate("""() => {
          document.getElementById("recording").dispatchEvent(new Event("change"));
          answer("wave");
        }""")
        until(page, f"document.querySelectorAll('#timeline > div').length === {WINDOWS}")
        assert page.evaluate("async () => { await busy; return state.labelled; }") == 0


SCROLLED = "document.getElementById('timeline').scrollTop"


def swipe(page, x, y, dx, dy):
    """Move a finger by 10 steps of dx and dy."""
    devtools = page.context.new_cdp_session(page)
    for step in range(11):
        points = [{"x": x + step * dx, "y": y + step * dy}]
        kind = "touchMove" if step else "touchStart"
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_scrolls_a_long_timeline_and_chooses_a_stretch_sideways(browser, running):
    with open_page(browser, viewport={"width": 360, "height": 740}, has_touch=True) as page:
        open_recording(page, running.server.link)
        page.evaluate("""() => {
          const ask = window.fetch, windows = Array.from({length: 300}, () => recording.windows[0]);
          const many = {...recording, windows};
          window.fetch = async (asked, content) => asked === "/recording" ? Response.json(many) : ask(asked, content);
          return showRecording();
        }""")
        box = page.locator("#timeline").bounding_box()
        assert box["height"] <= 0.55 * 740 + 1
        page.evaluate("() => setStretch(250, 250)")
        cell = page.locator("#window-250").bounding_box()
        assert box["y"] - 1 <= cell["y"] <= box["y"] + box["height"] - cell["height"] + 1
        page.evaluate("() => setStretch(0, 0)")
        page.locator("#timeline").evaluate("(each) => each.scrollIntoView()")
        box = page.locator("#timeline").bounding_box()
        x, y = box["x"] + 20, box["y"] + 200
        swipe(page, x, y, 0, -15)
        until(page, f"{SCROLLED} > 50 && !dragging")
        assert selected(page) == [0, 0]
        page.evaluate("() => { window.still = 0; }")
        until(page, f"(window.still = window.last === (window.last = {SCROLLED}) ? window.still + 1 : 0) > 8")
        swipe(page, x, y, 15, 0.1)
        until(page, "!dragging")
        first, last = selected(page)
        assert 2 <= last - first <= 5


def moving(page, place):
    return page.evaluate(
        f"() => [...document.querySelectorAll('{place} canvas')].map((each) => each.pspPlayer.playing)"
    )


def test_a_clip_that_is_paused_stays_so_when_the_next_one_comes(browser, running):
    with open_page(browser) as page:
        begin(page, running.server.link)
        shown(page)
        page.click("#current .psp-play")
        give(page, "wave")
        shown(page)
        assert moving(page, "#current") == [False]
        until(page, "document.querySelectorAll('#ahead canvas').length === 4")
        assert moving(page, "#ahead") == [True] * 4
        page.click("#hold")
        assert moving(page, "#ahead") == [False] * 4
        show_group(page, running.session.ids[:3])
        until(page, "document.querySelectorAll('#group canvas').length === 3")
        assert moving(page, "#group") == [False] * 3
        page.click("#hold")
        assert moving(page, "#group") == [True] * 3


def test_nothing_moves_by_itself_where_the_system_asks_for_reduced_motion(browser, running):
    with open_page(browser, reduced_motion="reduce") as page:
        begin(page, running.server.link)
        for _ in range(2):
            shown(page)
            assert moving(page, "#current") == [False]
            give(page, "wave")
        assert page.get_attribute("#hold", "aria-pressed") == "true"
        page.click("#tab-recordings")
        until(page, "document.querySelector('#stretch canvas')")
        page.keyboard.press("ArrowRight")
        until(page, "document.getElementById('stretch').dataset.clip === 'long:10-20'")
        assert moving(page, "#stretch") == [False]
        page.click("#stretch .psp-play")
        until(page, "document.getElementById('stretch').pspPlayer.at > 2")
        page.click("#hold")
        page.click("#tab-clips")
        until(page, "document.querySelectorAll('#ahead canvas').length === 4")
        assert moving(page, "#ahead") == [True] * 4


def test_the_timeline_names_what_is_recognised(browser, running):
    with open_page(browser) as page:
        open_recording(page, running.server.link)
        page.evaluate("""() => {
          state.classes = [{name: "waving", count: 1, shown: true}];
          showWindow(document.getElementById("window-1"), {start: 10, end: 20, label: null, guess: "waving"});
        }""")
        assert page.inner_text("#window-1") == "wavi"
        cell, guess = (page.locator(f"#window-1{part}").bounding_box() for part in ("", " i"))
        assert guess["y"] + guess["height"] <= cell["y"] + cell["height"]


def test_enter_that_ends_a_composition_makes_no_class(browser, running):
    with open_page(browser) as page:
        begin(page, running.server.link)
        shown(page)
        page.fill("#class", "手を")
        for facts in ("isComposing: true", "keyCode: 229"):
            page.evaluate(f"""() => document.getElementById("class").dispatchEvent(
              new KeyboardEvent("keydown", {{key: "Enter", bubbles: true, {facts}}}))""")
        assert page.input_value("#class") == "手を"
        assert not page.evaluate("() => pending.size")
        page.press("#class", "Enter")
        until(page, "state.labelled === 1")


def test_a_long_stretch_is_labelled_in_several_requests(browser, running):
    with open_page(browser) as page:
        begin(page, running.server.link)
        page.click("#tab-recordings")
        until(page, f"document.querySelectorAll('#timeline > div').length === {WINDOWS}")
        sent = page.evaluate("""async () => {
          const ask = window.fetch, sent = [];
          let open = 0;
          window.fetch = async (asked, content) => {
            if (asked === "/recording") return Response.json(recording);
            if (asked !== "/label") return ask(asked, content);
            const found = JSON.parse(content.body);
            sent.push([found.clips.length, found.how, ++open]);
            await new Promise((done) => setTimeout(done, 50));
            open--;
            return Response.json({});
          };
          recording.windows = Array.from({length: 2100}, () => recording.windows[0]);
          stretch = [0, 2099];
          answer("wave");
          await busy;
          return sent;
        }""")
    assert sent == [[1000, "timeline", 1], [1000, "timeline", 1], [100, "timeline", 1]]


@pytest.mark.slow
def test_from_unlabelled_clips_to_a_recogniser_by_the_keyboard(browser, store, tmp_path):
    given = {}
    with Running(store, tmp_path / "labels", every=EVERY) as running, open_page(browser) as page:
        begin(page, running.server.link)
        with open_page(browser) as other:
            other.goto(running.server.link)
            while len(given) < EVERY:
                clip = shown(page)
                given[give(page, truth(clip))] = truth(clip)
            until(other, f"state && state.labelled === {EVERY}")
        for _ in range(600):  # training takes seconds, on a busy machine minutes
            if page.evaluate("() => state.round"):
                break
            page.wait_for_timeout(500)
        give(page, truth(shown(page)))
        page.click("#tab-recordings")
        until(page, f"document.querySelectorAll('#timeline > div').length === {WINDOWS}")
        drag(page, 1, 3)
        page.keyboard.press("1234567890"[classes(page).index("jump")])
        until(page, "state.recent[0].how === 'timeline'")
        known = dict(running.folder.known)
    assert {known[f"long:{at}-{at + 10}"] for at in (10, 20, 30)} == {"jump"}
    assert {clip: label for clip, label in known.items() if clip in given and "long" not in clip} == {
        clip: label for clip, label in given.items() if "long" not in clip
    }
    assert (tmp_path / "labels" / "rounds" / "001" / "model.safetensors").exists()
    with Running(store, tmp_path / "labels") as again:
        assert (again.folder.known, again.session.round) == (known, 1)
        assert again.ask("/next", {"count": 3})[0] == 200
