"""Recognise a recorded file as if a camera delivered its frames now, and show the answer on the terminal.

python examples/live.py MODEL FILE, where MODEL is a run folder, a model.safetensors or a file written by `psp export`,
and FILE recordings of any format that psp reads; --help lists the options. For a camera, replace `frames_of` by a loop
that asks a pose estimator for the joints and confidences of each image.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from psp import PSPError, Recording, StreamingPredictor
from psp.cli.prepare import size_of
from psp.deploy.foreign import Options, open_for

FPS, SHOWN = 30.0, 5
"""Frames a second where the file does not state them, and how many classes are shown."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play all recordings of a file; return 2 if something cannot be read."""
    parser = argparse.ArgumentParser(description="Recognise a recorded file as if a camera delivered its frames now.")
    parser.add_argument("model", help="a run folder, a model.safetensors or an .onnx file")
    parser.add_argument("file", help="a file or folder of recordings")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times faster than recorded")
    parser.add_argument("--window", type=int, help="frames that an answer uses, by default as many as the model takes")
    parser.add_argument("--every", type=int, default=5, help="answer after every this many frames")
    parser.add_argument("--layout", help="the joints of the file, by default as the file states, else the model's")
    parser.add_argument("--up", help="the axis that points up, by default as the file states, else the model's")
    parser.add_argument("--size", help="WIDTHxHEIGHT of the image, for coordinates in shares of it")
    parser.add_argument("--fps", type=float, help="frames a second, by default as the file states, else 30")
    given = parser.parse_args(arguments)
    if given.speed <= 0:
        parser.error("--speed must be more than 0")
    console = Console()
    try:
        opened = StreamingPredictor.open(given.model, given.window, given.every)
        options = Options(layout=given.layout, up=given.up, fps=given.fps, size=size_of(given.size))
        source = open_for(opened.recogniser.interface, given.file, options)
        for note in source.notes:
            console.print(note, highlight=False, markup=False)
        for item in source.items():
            # The reader marks missing joints by their confidence, so a zero is a coordinate here.
            stream = StreamingPredictor(opened.recogniser, given.window, given.every, zero_is_missing=False)
            play(source.with_persons(source.read(item)), stream, given.speed, console)
    except PSPError as error:
        console.print(f"live: {error}", highlight=False, markup=False)
        return 2
    except KeyboardInterrupt:
        console.print("stopped")
    return 0


def play(recording: Recording, stream: StreamingPredictor, speed: float, console: Console) -> None:
    """Push the frames of a recording at the pace at which they were recorded, and show the answers."""
    rate, frames = (recording.fps or FPS) * speed, recording.joints.shape[1]
    begun, busy = time.perf_counter(), 0.0
    with Live(console=console, refresh_per_second=20) as live:
        for number, (joints, confidence) in enumerate(frames_of(recording), 1):
            time.sleep(max(0.0, begun + number / rate - time.perf_counter()))
            start = time.perf_counter()
            stream.push(joints, confidence)
            busy += time.perf_counter() - start
            seen = "" if confidence.any() else "  nobody is seen"
            status = f"{recording.info.id}  frame {number} of {frames}  {1000 * busy / number:.1f} ms a frame{seen}"
            live.update(Group(Text(status), bars(stream)))


def frames_of(recording: Recording) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield joints (m, v, c) and confidence (m, v) of each frame; a camera needs a tracker for several persons."""
    yield from zip(recording.joints.swapaxes(0, 1), recording.confidence.swapaxes(0, 1), strict=True)


def bars(stream: StreamingPredictor) -> Table:
    """Return the most probable classes with a bar each."""
    table = Table.grid(padding=(0, 1))
    for name, probability in stream.ranked[:SHOWN]:
        table.add_row(Text(name), ProgressBar(total=1.0, completed=probability, width=30), f"{probability:.2f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
