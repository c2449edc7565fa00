"""Frames of recordings, of a folder that grows and of a socket, and the page that shows them."""

import json
import socket
import threading
import time
from itertools import count, islice
from types import SimpleNamespace

import numpy as np
import pytest

from browser import open_page, until
from psp.deploy.foreign import Options
from psp.deploy.recogniser import Recogniser
from psp.errors import ConfigError, PSPError, RecordingError
from psp.live.frames import Frame, FrameSocket, arriving_frames, recorded_frames
from psp.live.page import live_app
from psp.live.stream import LiveStream, Recognition
from psp.serve.server import LocalServer
from psp.train.api import make_task
from psp.train.run import Run
from runs import small_run, with_stage
from stores import own_store

TOKEN = "a-token"


@pytest.fixture(scope="module")
def recogniser():
    task = make_task(own_store(None), "2/class", "none")
    run = Run(task, with_stage(small_run("supervised"), epochs=1, steps_per_epoch=1), None, "cpu")
    run.train(handle_signals=False)
    return Recogniser(run.model())


@pytest.fixture(scope="module")
def joints(recogniser):
    """Nine frames of one person."""
    return own_store(None).clip(0).joints[:, :9].astype(float)


def send(port, *lines):
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"".join(each if isinstance(each, bytes) else each.encode() + b"\n" for each in lines))


def received(opened, seconds=10.0):
    """What the socket yields until nothing comes any more."""
    found, end = [], time.monotonic() + seconds
    for frame in opened.frames(lambda: time.monotonic() < end):
        found += [] if frame is None else [frame]
        if frame is None and found:
            break
    return found


@pytest.fixture
def opened():
    found = FrameSocket(TOKEN)
    yield found
    found.close()


@pytest.mark.parametrize("port", [-1, 65536, 80000])
def test_a_number_that_is_no_port_is_refused(port):
    with pytest.raises(ConfigError, match=f"--port: {port} is no port. Use a number from 1 to 65535"):
        FrameSocket(TOKEN, port)


def test_a_port_in_use_is_refused_with_another_one_as_the_remedy(opened):
    with pytest.raises(ConfigError, match=f"port {opened.port} .* in use. Choose another --port"):
        FrameSocket(TOKEN, opened.port)


@pytest.mark.slow
def test_the_frames_of_a_recording_come_in_order_and_on_time(recogniser, joints, tmp_path):
    np.save(tmp_path / "clip.npy", joints)
    options = Options(layout=recogniser.layout, up="z", fps=10)
    found = list(recorded_frames(recogniser.interface, tmp_path / "clip.npy", options, speed=2))
    assert [frame.begins for frame in found] == [True] + [False] * 8
    assert [frame.due for frame in found] == pytest.approx([number / 20 for number in range(9)])
    assert np.allclose(np.stack([frame.joints for frame in found], axis=1), joints)


@pytest.mark.slow
def test_files_that_are_written_into_a_folder_become_frames(recogniser, joints, tmp_path):
    options = Options(layout=recogniser.layout, up="z")
    np.save(tmp_path / "0-before.npy", joints)
    frames = arriving_frames(recogniser.interface, tmp_path, options)
    assert next(frames) is None
    for number in range(3):
        np.save(tmp_path / f"frame{number}.npy", joints[:, number : number + 1])
    (tmp_path / "frame1x.npy").write_text("not a recording")
    found = list(islice(frames, 12))
    (error,) = (each for each in found if isinstance(each, RecordingError))
    assert "frame1x.npy" in str(error)
    found = [each for each in found if isinstance(each, Frame)]
    assert [frame.begins for frame in found] == [True, False, False]
    assert np.allclose(np.stack([frame.joints for frame in found], axis=1), joints[:, :3])


def test_a_file_that_was_read_before_its_end_is_read_again(recogniser, joints, tmp_path):
    np.save(tmp_path / "saved.npy", joints)
    content, path = (tmp_path / "saved.npy").read_bytes(), tmp_path / "clip.npy"
    frames = arriving_frames(recogniser.interface, tmp_path, Options(layout=recogniser.layout, up="z"))
    path.write_bytes(content[:-100])
    found = list(islice(frames, 4))
    assert isinstance(found.pop(1), RecordingError)
    assert found == [None] * 3
    path.write_bytes(content)
    found = [frame for frame in islice(frames, 12) if frame is not None]
    assert np.allclose(np.stack([frame.joints for frame in found], axis=1), joints)


def test_a_frame_with_nobody_is_skipped(recogniser, tmp_path):
    frames = arriving_frames(recogniser.interface, tmp_path, Options(up="z"))
    (tmp_path / "frame_000000000001_keypoints.json").write_text('{"version": 1.3, "people": []}')
    assert list(islice(frames, 4)) == [None] * 4


def test_a_folder_that_is_removed_ends_the_stream(recogniser, tmp_path):
    folder = tmp_path / "watched"
    folder.mkdir()
    frames = arriving_frames(recogniser.interface, folder, Options(up="z"))
    folder.rmdir()
    with LiveStream(recogniser, lambda is_open: frames) as stream:
        stream._thread.join(10)
    assert stream.state == "failed"
    assert "watched" in stream.message


def test_the_error_of_a_file_is_shown_until_the_next_frame(recogniser, joints):
    error, frame = RecordingError("it is damaged.", where="a.npy"), Frame(joints[:, 0], None, "b.npy", begins=True)
    for arrived, message in (([error], "a.npy: it is damaged."), ([error, frame], "")):
        with LiveStream(recogniser, lambda is_open, arrived=arrived: iter(arrived)) as stream:
            stream._thread.join(10)
        assert (stream.state, stream.message) == ("ended", message)


def test_what_is_sent_of_a_frame_is_what_was_recognised(recogniser, joints, monkeypatch):
    """Every frame takes a hundredth of a second; two joints were not observed."""
    ticks = (number / 100 for number in count())
    clock = SimpleNamespace(perf_counter=lambda: next(ticks), monotonic=time.monotonic, sleep=time.sleep)
    monkeypatch.setattr("psp.live.stream.time", clock)
    given, confidence = joints[:, 0].copy(), np.ones(joints[:, 0].shape[:2])
    given[0, 3], confidence[0, 4] = 0.0, 0.0
    frames = [Frame(given, confidence, "a", number == 0, zero_is_missing=True) for number in range(6)]
    frames.append(Frame(None, None, "a"))
    with LiveStream(recogniser, lambda is_open: iter(frames), Recognition(every=3)) as stream:
        stream._thread.join(10)
    *events, nobody = stream.news(None)[1]["frames"]
    assert [each["milliseconds"] for each in events] == [10.0] * 6
    assert [each["ranked"] is None for each in events] == [True] * 2 + [False] * 4
    sent = np.array(events[0]["joints"], dtype=float).reshape(-1, 22, 3)
    assert np.flatnonzero(np.isnan(sent[0]).any(axis=1)).tolist() == [3, 4]
    np.testing.assert_allclose(sent[0, 5:], given[0, 5:], rtol=1e-4)
    assert set(nobody["joints"]) == {None}


def test_sources_without_frames_for_the_model_are_refused_at_once(recogniser, joints, tmp_path):
    np.save(tmp_path / "fewer.npy", joints[:, :, :5])
    (tmp_path / "empty").mkdir()
    options = Options(up="z")
    for name in ("missing.npy", "empty", "fewer.npy"):
        with pytest.raises(PSPError, match=name):
            recorded_frames(recogniser.interface, tmp_path / name, options)
    for recognition in (Recognition(window=0), Recognition(every=0)):
        with pytest.raises(ConfigError, match="Use a whole number of frames from 1"):
            LiveStream(recogniser, lambda is_open: iter(()), recognition)
    with pytest.raises(ConfigError, match="not a folder"):
        arriving_frames(recogniser.interface, tmp_path / "nowhere", options)


def test_lines_of_the_socket_become_frames(opened, joints):
    frame = joints[0, 0].tolist()
    frame[3] = [None, None, None]
    whole = json.dumps({"joints": [frame], "confidence": [[1] * 22]})
    send(opened.port, TOKEN, json.dumps(frame), whole)
    found = received(opened)
    assert [each.begins for each in found] == [True, False]
    assert np.isnan(found[0].joints[3]).all()
    assert np.allclose(found[0].joints[4:], joints[0, 0, 4:])
    assert found[1].joints.shape == (1, 22, 3)


def test_null_is_what_was_not_observed(opened):
    joint, null = [1, 2, 3], None
    lines = [
        [joint, null, joint], [[null, null, null], [joint, null, joint]], [null, [joint, [4, null, 6], joint]],
        null, [null, null, null], [[null] * 3] * 2, [], {"joints": null, "confidence": [0, 0, 0]},
    ]  # fmt: skip
    send(opened.port, TOKEN, *map(json.dumps, lines))
    found = [each.joints for each in received(opened)]
    lost = [np.nan] * 3
    np.testing.assert_array_equal(found[0], [joint, lost, joint])
    np.testing.assert_array_equal(found[1], [[lost] * 3, [joint, lost, joint]])
    np.testing.assert_array_equal(found[2], [[lost] * 3, [joint, [4, np.nan, 6], joint]])
    assert found[3:] == [None] * 5


@pytest.mark.parametrize(
    "line", ["not json", "{", f"[[1{'0' * 400}]]", '{"joint": [[1, 2, 3]]}', '"a"', "[[1, 2, 3], [1, 2]]", "[[{}]]"]
)
def test_a_line_that_is_no_frame_is_named(opened, joints, line):
    send(opened.port, TOKEN, line, json.dumps(joints[0, 0].tolist()))
    error, frame = received(opened)
    assert str(error).startswith("connection 1: a line is no frame. Send JSON such as")
    assert frame.begins


@pytest.mark.parametrize("first", ["", "a-toke", "POST / HTTP/1.1\r", "\u00e9", '{"joints": []}'])
def test_without_the_token_no_frame_is_taken(opened, first, joints):
    send(opened.port, first, json.dumps(joints[0, 0].tolist()))
    send(opened.port, TOKEN, json.dumps(joints[0, 1].tolist()))
    found = received(opened)
    assert [each.source for each in found] == ["connection 2"]


def test_a_connection_that_sends_nothing_is_closed(opened, joints, monkeypatch):
    monkeypatch.setattr("psp.live.frames.PATIENCE", 0.3)
    with socket.create_connection(("127.0.0.1", opened.port)):
        send(opened.port, TOKEN, json.dumps(joints[0, 0].tolist()))
        assert [each.source for each in received(opened)] == ["connection 2"]


def test_an_endless_line_ends_the_connection(opened):
    with socket.create_connection(("127.0.0.1", opened.port)) as line:
        line.sendall(TOKEN.encode() + b"\n")

        def flood():
            try:
                for _ in range(100):
                    line.sendall(b"[" * 65536)
            except OSError:
                pass

        thread = threading.Thread(target=flood)
        thread.start()
        assert received(opened, 1.0) == []
        opened.close()
        thread.join(10)
        assert not thread.is_alive()


def test_the_socket_listens_on_this_machine_only(opened):
    assert opened._listener.getsockname()[0] == "127.0.0.1"


def test_the_page_shows_skeleton_and_answer(browser, recogniser, joints, opened):
    stream = LiveStream(recogniser, opened.frames, Recognition(every=1))
    server = LocalServer(live_app(stream, "<b>model</b>"))
    thread = threading.Thread(target=server.run)
    thread.start()
    with stream, open_page(browser, viewport={"width": 360, "height": 740}) as page:
        page.goto(server.link)
        until(page, "player")
        assert page.inner_text("#title") == "Live: <b>model</b>"
        frames = [json.dumps(joints[0, number].tolist()) for number in range(6)]
        send(opened.port, TOKEN, "null", *frames[:5], "null", frames[5], json.dumps([[1e30] * 3] * 22))
        until(page, "player.frames === 7")  # nobody is drawn as soon as somebody was seen
        expected = stream.news(None)[1]["frames"][-1]["ranked"]
        assert page.inner_text("#answer") == expected[0][0]
        assert page.locator("#classes li").count() == len(expected) == 4
        points = page.evaluate("() => Array.from(player.film.points).slice(-66)")
        assert np.ptp(points) > 0
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    server.stop()
    thread.join()


def test_screen_readers_are_told_of_new_answers_only(browser, recogniser, opened):
    stream = LiveStream(recogniser, opened.frames)
    server = LocalServer(live_app(stream, "model"))
    thread = threading.Thread(target=server.run)
    thread.start()
    with stream, open_page(browser) as page:
        page.goto(server.link)
        until(page, "document.getElementById('state').textContent === 'Waiting for frames'")
        page.evaluate("""() => {
          window.said = [];
          for (const each of document.querySelectorAll("[role=status], [aria-live]")) {
            new MutationObserver(() => said.push(each.textContent)).observe(each, {childList: true, subtree: true});
          }
          for (let number = 0; number < 20; number++) {
            const ranked = number ? [["wave", number / 20]] : null;
            const frame = {source: "a", ranked, milliseconds: number, joints: []};
            setTimeout(() => show({state: "running", message: "", frames: [frame]}), 50 * number);
            setTimeout(() => show({state: "waiting", message: "", frames: []}), 50 * number + 25);
          }
        }""")
        until(page, "said.at(-1) === 'Waiting for frames: a'")
        assert page.evaluate("() => said") == ["Running: a", "wave", "Waiting for frames: a"]
        assert page.inner_text("#speed") == "19.0 ms a frame"
    server.stop()
    thread.join()
