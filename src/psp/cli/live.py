"""Show on a local page what a model recognises in a stream of frames: skeleton, answer and probabilities.

Frames come from recordings, as if a camera delivered them now; from files that are written into a folder from now on
(--watch); or, without either, from a socket on this machine, whose first line is the token that is printed and then one
line of JSON per frame: {"joints": [[x, y, z], ...], "confidence": [...]}.

Args:
    model: a run folder, a model.safetensors or a file written by 'psp export'
    source: recordings to play - a file or folder of any known format
    watch: a folder into which files are written; each is recognised when it is complete
    port: the port of the socket, by default a free one
    speed: how many times faster than recorded
    window: frames that an answer uses, by default as many as the model takes
    every: answer after so many frames
    format: the format of the recordings, by default found by the files
    layout: the joints - a built-in name or a YAML file, by default as the files state, else the model's
    up: the axis that points up, by default as the files state, else the model's
    fps: frames a second, by default as the files state, else 30
    size: WIDTHxHEIGHT of the image in pixels, for coordinates in shares of it
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from inspect import signature
from pathlib import Path
from typing import Any

from psp.cli.console import say
from psp.cli.local_page import page_module, serve
from psp.cli.prepare import size_of
from psp.deploy.foreign import Options
from psp.deploy.load import load
from psp.errors import ConfigError
from psp.live.frames import Arrival, FrameSocket, arriving_frames, recorded_frames
from psp.live.stream import LiveStream, Recognition
from psp.model.model_file import Interface
from psp.skeleton.recording import Up

OF_SOCKET, OF_FILES = ("port",), ("speed", "format", "layout", "up", "fps", "size")
"""The options that only the socket has, and those that it has not."""


def live(
    model: Path,
    source: Path | None = None,
    watch: Path | None = None,
    port: int = 0,
    speed: float = 1.0,
    window: int | None = None,
    every: int = 5,
    format: str | None = None,
    layout: str | None = None,
    up: Up | None = None,
    fps: float | None = None,
    size: str | None = None,
) -> None:
    """Show on a local page what a model recognises in a stream of frames: skeleton, answer and probabilities."""
    _refuse_unused(dict(locals()))
    if source and watch:
        raise ConfigError("frames come from one source.", where="--watch", remedy="Name recordings or a folder.")
    if speed <= 0:
        raise ConfigError("the speed must be more than 0.", where="--speed", remedy="1 is the recorded speed.")
    pages, server = page_module("psp.live.page"), page_module("psp.serve.server")
    recogniser, options = load(model), Options(format, layout, up, fps, size_of(size))
    with ExitStack() as stack:
        frames = _frames(recogniser.interface, source, watch, options, speed, port, stack)
        stream = stack.enter_context(LiveStream(recogniser, frames, Recognition(window, every)))
        serve(server, pages.live_app(stream, str(model.resolve().name)))
    say("stopped")


def _refuse_unused(given: Mapping[str, Any]) -> None:
    """Refuse options that the source of the frames would ignore."""
    is_file = given["source"] or given["watch"]
    for name in OF_SOCKET if is_file else OF_FILES:
        if given[name] != signature(live).parameters[name].default:
            what = f"the option is for {'the socket' if is_file else 'recordings and --watch'} only."
            raise ConfigError(what, where=f"--{name}", remedy="Leave it out.")


def _frames(
    interface: Interface,
    source: Path | None,
    watch: Path | None,
    options: Options,
    speed: float,
    port: int,
    stack: ExitStack,
) -> Callable[[Callable[[], bool]], Iterator[Arrival]]:
    """Return the function that returns the frames, once their source was looked at, and say where they come from."""
    if source is not None:
        recorded = recorded_frames(interface, source, options, speed)
        say(f"recordings: {source}")
        return lambda is_open: recorded
    if watch is not None:
        arriving = arriving_frames(interface, watch, options, speed)
        say(f"frames are the files that are written into {watch} from now on")
        return lambda is_open: arriving
    token = secrets.token_urlsafe(24)
    opened = FrameSocket(token, port)
    stack.callback(opened.close)
    joints, channels = len(interface.layout.joints), interface.channels
    say(f"frames: connect to 127.0.0.1:{opened.port} and send the line {token}")
    say(f'then one line per frame: {{"joints": {joints} lists of {channels} numbers, "confidence": {joints} numbers}}')
    return opened.frames
