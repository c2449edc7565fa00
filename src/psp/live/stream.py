"""Frames recognised one after the other by a thread, and kept for the pages that show them."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from psp.deploy.clips import ClipRecogniser
from psp.deploy.stream import StreamingPredictor
from psp.errors import PSPError
from psp.live.frames import PAUSE, Arrival, Frame, wait_for

KEPT, SENT, SHOWN = 300, 30, 5
"""Frames that are kept, that are sent to a page at once, and classes that are sent with a frame."""


@dataclass(frozen=True)
class Recognition:
    """How frames are recognised: the frames of a window, and after how many frames there is an answer."""

    window: int | None = None
    every: int = 5


class LiveStream:
    """Recognises frames in a thread of its own; as a context manager it begins and ends with the block.

    `frames` is a function of another function that says whether the stream is still open. Errors that it yields are
    shown until the next frame; those that it raises end the stream.
    """

    def __init__(
        self,
        recogniser: ClipRecogniser,
        frames: Callable[[Callable[[], bool]], Iterator[Arrival]],
        recognition: Recognition = Recognition(),
    ) -> None:
        self.recogniser, self.recognition, self._frames = recogniser, recognition, frames
        self._predictor(True)  # window and every are checked before the thread begins
        self.state, self.message = "waiting", ""
        self._kept: deque[tuple[int, dict[str, Any]]] = deque(maxlen=KEPT)
        self._count, self._busy = 0, 0.0
        self._lock, self._open = threading.Lock(), True
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "LiveStream":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._open = False
        self._thread.join(5)

    def news(self, seen: tuple[int, str, str] | None) -> tuple[tuple[int, str, str], dict[str, Any]] | None:
        """Return the position and the frames since the position `seen`, at most the last 30; None without news.

        A position is the number of frames so far, with the state of the stream and its message.
        """
        with self._lock:
            position = (self._count, self.state, self.message)
            if position == seen:
                return None
            new = [event for number, event in self._kept if seen is None or number > seen[0]]
            return position, {"state": self.state, "message": self.message, "frames": new[-SENT:]}

    def _run(self) -> None:
        stream, begun = self._predictor(True), time.monotonic()
        try:
            for frame in self._frames(lambda: self._open):
                if not self._open:
                    return
                if frame is None:
                    self.state = "waiting"
                    time.sleep(PAUSE)
                    continue
                if isinstance(frame, PSPError):
                    self.message = str(frame)
                    continue
                if frame.begins:
                    stream, begun = self._predictor(frame.zero_is_missing), time.monotonic()
                wait_for(frame, begun)
                self._push(stream, frame)
            self.state = "ended"
        except (PSPError, OSError) as error:
            self.state, self.message = "failed", str(error)

    def _predictor(self, zero_is_missing: bool) -> StreamingPredictor:
        return StreamingPredictor(self.recogniser, self.recognition.window, self.recognition.every, zero_is_missing)

    def _push(self, stream: StreamingPredictor, frame: Frame) -> None:
        begun = time.perf_counter()
        try:
            stream.push(frame.joints, frame.confidence)
        except PSPError as error:
            self.message = str(error)
            return
        self._busy = 0.9 * self._busy + 0.1 * (time.perf_counter() - begun)
        mean = self._busy / (1 - 0.9 ** (self._count + 1))  # the running mean began at 0
        event = {
            "source": frame.source,
            "begins": frame.begins,
            "joints": _numbers(stream.window.joints[:, -1]),
            "ranked": stream.ranked[:SHOWN] if stream.window.count >= stream.every else None,
            "milliseconds": round(1000 * mean, 2),
        }
        with self._lock:
            self._count += 1
            self.state, self.message = "running", ""
            self._kept.append((self._count, event))


def _numbers(joints: Float32[np.ndarray, "m v c"]) -> list[float | None]:
    """Return the coordinates of all joints one after the other, None where a joint was not observed."""
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in joints.ravel()]
