"""Frames of a stream: of recordings as if a camera delivered them now, of a folder that grows, and of a socket."""

import hmac
import json
import math
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from psp.deploy.foreign import ForeignSource, Options, open_for
from psp.errors import ConfigError, NobodyError, PSPError, RecordingError
from psp.evaluate.arrays import InputError
from psp.io.source import SourceItem
from psp.live.persons import Follower
from psp.model.model_file import Interface
from psp.skeleton.recording import Recording

FPS, PAUSE = 30.0, 0.05
"""Frames a second where they are not stated, and seconds between two looks at a folder."""

LAST_PORT = 65535
"""The largest number of a port."""

PATIENCE = 3.0
"""Seconds after which a connection that has not sent the token is closed."""

LONGEST = 1 << 20
"""The largest number of bytes of a line that is sent to the socket."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Joints (m, v, c) and confidence (m, v) of one frame, None if nothing was sent; `begins` a new recording.

    `due` is the time in seconds after the beginning of the recording at which it is to be shown. `zero_is_missing`
    says whether joints at the origin were not observed.
    """

    joints: Any
    confidence: Any
    source: str
    begins: bool = False
    due: float = 0.0
    zero_is_missing: bool = False


Arrival = Frame | PSPError | None
"""What a stream yields: a frame, the error of a file that cannot be read, or None while there is nothing."""


def recorded_frames(interface: Interface, path: Path, options: Options, speed: float = 1.0) -> Iterator[Frame]:
    """Return the frames of the recordings of a file or folder, converted for a model.

    Persons are chosen among the bodies of each whole recording, as `psp predict` does without windows. The first
    recording is read before this returns, so that recordings which cannot be used are refused at once.
    """
    source, items = _open(interface, path, options)
    first = _frames(source.with_persons(source.read(items[0])), speed)
    rest = (frame for item in items[1:] for frame in _frames(source.with_persons(source.read(item)), speed))
    return chain(first, rest)


def arriving_frames(interface: Interface, folder: Path, options: Options, speed: float = 1.0) -> Iterator[Arrival]:
    """Return the frames of files that are written into a folder from now on, by name, with None while there is none.

    A file is read when it has not changed between two looks. Files of one frame each, as pose estimators write them,
    are one recording, in which persons are followed (`Follower`); a file of several frames is a recording of its own,
    as in `recorded_frames`. A file without a person is skipped. The error of a file that cannot be read comes instead
    of its frames, and the file is read again when it has changed.
    ConfigError if there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError("this is not a folder.", where=str(folder), remedy="Name the folder that files appear in.")
    return _arriving(interface, folder, options, speed, set(_files(folder)))


class FrameSocket:
    """A socket on 127.0.0.1 that takes one connection after the other, each with one line of JSON per frame.

    The first line is the `token`, so that no web page can send frames; a connection without it is closed after
    PATIENCE seconds. Then a line is {"joints": [...], "confidence": [...]} or the joints alone: (v, c) or (m, v, c)
    numbers in the coordinates of the model, null for a coordinate, joint or person that was not observed. Port 0 is a
    free one; ConfigError if the port cannot be taken.
    """

    def __init__(self, token: str, port: int = 0) -> None:
        self._listener = _listen(port)
        self._listener.settimeout(0.2)
        self._token = token
        self.port: int = self._listener.getsockname()[1]

    def close(self) -> None:
        """Take no further connections."""
        self._listener.close()

    def frames(self, is_open: Callable[[], bool] = lambda: True) -> Iterator[Arrival]:
        """Yield the frames of all connections, None while there is none; it ends when `is_open` is False.

        A line that is no frame yields an InputError.
        """
        number = 0
        while is_open():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                yield None
                continue
            number += 1
            with connection:
                connection.settimeout(0.2)
                yield from self._of_connection(connection, f"connection {number}", is_open)

    def _of_connection(self, connection: socket.socket, name: str, is_open: Callable[[], bool]) -> Iterator[Arrival]:
        end = time.monotonic() + PATIENCE
        lines = _lines(connection, lambda: is_open() and time.monotonic() < end)
        token = next((line for line in lines if line is not None), b"")
        if not hmac.compare_digest(token.strip(), self._token.encode()):
            return
        end, begins = math.inf, True
        for line in lines:
            if line is None:
                yield None
            elif line.strip():
                try:
                    joints, confidence = _parsed(line, name)
                except InputError as error:
                    yield error
                    continue
                yield Frame(joints, confidence, name, begins, zero_is_missing=True)
                begins = False


def _arriving(
    interface: Interface, folder: Path, options: Options, speed: float, known: set[Path]
) -> Iterator[Arrival]:
    """Yield the frames of files that are not `known` or the error of reading them, None while there is none."""
    seen, failed = dict[Path, tuple[int, ...]](), dict[Path, tuple[int, ...]]()
    follower, first = Follower(interface), True
    while True:
        new = {path: _version(path) for path in _files(folder) if path not in known}
        ready = sorted(path for path, found in new.items() if found and seen.get(path) == found != failed.get(path))
        seen = new
        for path in ready:
            try:
                frames = _of_file(follower, interface, path, options, speed)
            except NobodyError:
                frames = []
            except PSPError as error:
                failed[path] = new[path]
                yield error
                continue
            known.add(path)
            for frame in frames:
                yield replace(frame, begins=first) if len(frames) == 1 else frame
                first = False
        if not ready:
            yield None


def _listen(port: int) -> socket.socket:
    if not 0 <= port <= LAST_PORT:
        remedy = f"Use a number from 1 to {LAST_PORT}, or 0 for a free one."
        raise ConfigError(f"{port} is no port.", where="--port", remedy=remedy)
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        what = f"port {port} cannot be taken: {os.strerror(error.errno or 0)}."
        raise ConfigError(what, where="--port", remedy="Choose another --port, or leave it out.") from error


def _frames(recording: Recording, speed: float) -> list[Frame]:
    rate = speed * (recording.fps or FPS)
    pairs = zip(recording.joints.swapaxes(0, 1), recording.confidence.swapaxes(0, 1), strict=True)
    name = recording.info.id
    return [
        Frame(joints, confidence, name, number == 0, number / rate) for number, (joints, confidence) in enumerate(pairs)
    ]


def _of_file(follower: Follower, interface: Interface, path: Path, options: Options, speed: float) -> list[Frame]:
    source, items = _open(interface, path, options)
    recordings = (_with_persons(source, source.read(item), follower) for item in items)
    return [frame for recording in recordings for frame in _frames(recording, speed)]


def _with_persons(source: ForeignSource, recording: Recording, follower: Follower) -> Recording:
    """Return a recording with its persons in slots; the rules for whole recordings do not apply to a single frame."""
    bodies, frames = recording.joints.shape[:2]
    if frames > 1:
        return source.with_persons(recording)
    return follower.place(recording) if recording.detections or bodies > source.interface.persons else recording


def _open(interface: Interface, path: Path, options: Options) -> tuple[ForeignSource, list[SourceItem]]:
    """Return the recordings of a file or folder, and which they are; RecordingError if there is none."""
    source = open_for(interface, path, options)
    items = source.items()
    if not items:
        raise RecordingError("there is no recording.", where=str(path), remedy="Name recordings of a known format.")
    return source, items


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]


def _version(path: Path) -> tuple[int, ...]:
    """Return size and time of the last change of a file, nothing if it is empty or was removed."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_size, found.st_mtime_ns) if found.st_size else ()


def _lines(connection: socket.socket, is_open: Callable[[], bool]) -> Iterator[bytes | None]:
    """Yield the lines of a connection, None while there is none; it ends with a line that is too long."""
    held = b""
    while is_open():
        try:
            part = connection.recv(65536)
        except TimeoutError:
            yield None
            continue
        except OSError:
            return
        *whole, held = (held + part).split(b"\n")
        yield from whole
        if not part or len(held) > LONGEST:
            return


def _parsed(line: bytes, where: str) -> tuple[Any, Any]:
    """Return joints and confidence of a line, None if no number is in it; InputError if the line is no frame."""
    try:
        content = json.loads(line)
        content = content if isinstance(content, dict) else {"joints": content}
        joints, confidence = _numbers(content["joints"]), content.get("confidence")
        confidence = None if confidence is None else _numbers(confidence)
        return (None, None) if np.isnan(joints).all() else (joints, confidence)
    except (LookupError, ValueError, TypeError, OverflowError, RecursionError) as error:
        remedy = 'Send JSON such as {"joints": [...], "confidence": [...]}, with null for what was not observed.'
        raise InputError("a line is no frame.", where=where, remedy=remedy) from error


def _numbers(content: Any) -> Float64[np.ndarray, "..."]:
    """Return nested lists as an array; null is NaN, also where the other entries of a list are lists."""
    if not isinstance(content, list):
        return np.array(content, dtype=np.float64)
    parts = [_numbers(each) for each in content]
    shape = max((part.shape for part in parts), key=len, default=())
    missing = [part.ndim < len(shape) and np.isnan(part).all() for part in parts]
    filled = [np.full(shape, np.nan) if lost else part for part, lost in zip(parts, missing, strict=True)]
    return np.stack(filled) if filled else np.empty(0)


def wait_for(frame: Frame, begun: float) -> None:
    """Sleep until a frame is due, for a recording that began at a time of `time.monotonic`."""
    time.sleep(max(0.0, begun + frame.due - time.monotonic()))
