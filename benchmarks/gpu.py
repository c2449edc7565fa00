"""All measurements of speed on one machine with a GPU, in under nine minutes; nothing is lost if it is cut off.

    python -m benchmarks.gpu --nw-ucla all_sqe.zip --out results/gpu
    python -m benchmarks.gpu --device cpu --seconds 20 --out /tmp/rehearsal

Every part (training step, input, use, memory and ranks, time to accuracy) runs in a process of its own with a time
limit. After every case the figures so far are written as JSON and as Markdown; a part that fails or takes too long is
noted and the next one begins.
"""

import argparse
import json
import multiprocessing
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.input import measure_input
from benchmarks.machine import copy_rate, matrix_rate, provenance
from benchmarks.memory import measure_memory
from benchmarks.ranks import measure_ranks
from benchmarks.step import PublishedStep, StepSettings, measure_step, one_person_ratio
from benchmarks.time_to_accuracy import Point, measure_time_to_accuracy
from benchmarks.timing import measure
from benchmarks.use import measure_use
from psp import PRESETS, SyntheticConfig, open_store, prepare
from psp.files import write_atomically, write_json

GRACE = 15
"""Seconds that a case may take longer than its part is given, before the part is ended."""

Case = tuple[str, Callable[[], dict[str, Any]]]


def main() -> None:
    """Run the parts one after the other and write what they found."""
    options = parsed()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"seconds allowed": options.seconds, "parts": {}}
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for name, (share, _) in PARTS.items():
            if options.parts and name not in options.parts:
                continue
            notes = Path(folder) / f"{name}.json"
            outcome = run_part(name, options, share * options.seconds, notes)
            report["parts"][name] = outcome | {"cases": read(notes)}
            report["seconds"] = round(time.monotonic() - begun, 1)
            write_json(options.out.with_suffix(".json"), report)
            text = markdown(report)
            write_atomically(options.out.with_suffix(".md"), lambda place, text=text: place.write_text(text))
            print(f"{name}: {outcome}", flush=True)
    print(markdown(report))


def run_part(name: str, options: argparse.Namespace, limit: float, notes: Path) -> dict[str, Any]:
    """Run a part in a process group of its own, and end that when the time is over."""
    begun = time.monotonic()
    process = multiprocessing.get_context("fork").Process(target=take_part, args=(name, options, limit, notes))
    process.start()
    process.join(limit + GRACE)
    outcome = "finished" if process.exitcode == 0 else f"failed with exit code {process.exitcode}"
    if process.is_alive():
        outcome = f"ended after {limit + GRACE:.0f} s"
        os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()
    return {"outcome": outcome, "limit": round(limit, 1), "seconds": round(time.monotonic() - begun, 1)}


def take_part(name: str, options: argparse.Namespace, limit: float, notes: Path) -> None:
    """Measure case after case until the time is over; note each one at once, errors too."""
    os.setpgrp()
    end = time.monotonic() + limit
    found: dict[str, Any] = {}

    def note(case: str, value: dict[str, Any]) -> None:
        found[case] = value
        write_json(notes, found)

    for case, function in PARTS[name][1](options, note):
        if found and time.monotonic() > end:
            note(case, {"error": "no time was left"})
            continue
        try:
            note(case, function())
        except Exception as error:  # noqa: BLE001, one case that fails must not end the others
            traceback.print_exc()
            note(case, {"error": f"{type(error).__name__}: {error}"[:500]})


Note = Callable[[str, dict[str, Any]], None]


def step_cases(options: argparse.Namespace, note: Note) -> Iterator[Case]:
    """The machine's rates, then the published step: large before small, fast ways before slow ones."""
    device, seconds = torch.device(options.device), options.seconds / 500
    yield "machine", lambda: rates(device, seconds)
    plain = StepSettings("full", precision="bf16", clips=128)
    if device.type == "cpu":
        plain = StepSettings("tiny", "nw-ucla", clips=11)
    cases = [plain, replace(plain, compile="default")]
    cases += [replace(plain, clips=clips) for clips in (64, 256)]
    cases += [replace(plain, size=size, compile=mode) for mode in ("none", "default") for size in ("small", "tiny")]
    cases += [replace(plain, precision=precision) for precision in ("tf32", "float32")]
    cases += [replace(plain, shape="nw-ucla"), replace(plain, persons="all"), replace(plain, one_person=0.8)]
    cases += [replace(plain, clips=64, compile="default"), replace(plain, compile="max-autotune-no-cudagraphs")]
    for settings in cases if device.type == "cuda" else [each for each in cases if each.compile == "none"]:
        yield named(settings), partial(measure_step, settings, device, seconds)
        if settings == plain and plain.shape == "ntu":
            ratio = partial(one_person_ratio, settings, device, seconds)
            yield "one person over two", lambda ratio=ratio: {"ratio": ratio()}


def input_cases(options: argparse.Namespace, note: Note) -> Iterator[Case]:
    """Making batches, by size and preset, for steps in mixed precision."""
    device, seconds = torch.device(options.device), options.seconds / 1000
    sizes = ("full", "small", "tiny") if device.type == "cuda" else ("tiny",)
    for preset in ("published", "best"):
        for size in sizes:
            work = partial(measure_input, size, preset, "ntu" if device.type == "cuda" else "nw-ucla", device, seconds)
            yield f"{preset}, {size}", partial(work, precision="bf16")


def use_cases(options: argparse.Namespace, note: Note) -> Iterator[Case]:
    """Recognising one clip and many on the device, then as a user would on the processor beside it."""
    device, seconds = torch.device(options.device), options.seconds / 500
    sizes = ("full", "small", "tiny") if device.type == "cuda" else ("tiny",)
    for size in sizes:
        for clips in (1, 64, 1024) if device.type == "cuda" else (1, 8):
            yield f"{size}, {clips} clips, {device.type}", partial(recognise, size, clips, device, seconds)
    for size in reversed(sizes):
        yield f"{size}, processor", partial(measure_use, (size,), seconds=seconds / 2)


def memory_cases(options: argparse.Namespace, note: Note) -> Iterator[Case]:
    """One rank with all of the ranks' machinery, and ways to train in less memory."""
    device = torch.device(options.device)
    settings = StepSettings("full", precision="bf16") if device.type == "cuda" else StepSettings("tiny", "nw-ucla", 11)
    sizes = ("full", "small") if device.type == "cuda" else ("tiny",)
    yield "ranks", partial(measure_ranks, settings, sizes, (1,), device, options.seconds / 500)
    yield "memory", partial(measure_memory, settings, device)


def accuracy_cases(options: argparse.Namespace, note: Note) -> Iterator[Case]:
    """Seconds to an accuracy on NW-UCLA, or on built-in data where it is not given."""
    cuda = options.device == "cuda"
    epochs, sizes = (80, ("light", "small")) if cuda else (2, ("light",))
    for size in sizes:
        yield f"{size}, {options.precision}", lambda size=size: seconds_to_accuracy(options, size, epochs, note)


def seconds_to_accuracy(options: argparse.Namespace, size: str, epochs: int, note: Note) -> dict[str, Any]:
    """Prepare, train and evaluate in a temporary folder; curves are noted while they grow."""
    curves: dict[str, Any] = {}

    def show(run: str, point: Point) -> None:
        curves.setdefault(run, []).append(asdict(point))
        note(f"{size}, so far", curves)

    protocol, watch = ("nw-ucla", None) if options.nw_ucla else ("synthetic-xsub", "synthetic-xview")
    config = PRESETS["best"](protocol, "5/class", size)
    config = replace(config, epochs=epochs, precision=options.precision)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        if options.nw_ucla:
            prepare("nw-ucla", options.nw_ucla, path)
        else:
            prepare("synthetic", "kinect20", path, synthetic=SyntheticConfig("kinect20", clips=400))
        return measure_time_to_accuracy(
            open_store(path), config, Path(folder), watch=watch, device=options.device, show=show
        )


def rates(device: torch.device, seconds: float) -> dict[str, Any]:
    """What the machine is and can do."""
    found = {
        f"{name} product, flop/s": matrix_rate(device, dtype, seconds)
        for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))
    }
    return {**provenance(device), **found, "copy, bytes/s": copy_rate(device, seconds)}


@torch.no_grad()
def recognise(size: str, clips: int, device: torch.device, seconds: float) -> dict[str, float]:
    """Milliseconds of a batch of clips with two views each, in evaluation."""
    step = PublishedStep(StepSettings(size, "nw-ucla", clips=11 * clips), device)
    step.network.eval()
    views, persons = list(step.labelled.views.values()), step.labelled.persons
    once = measure(lambda: step.network.logits(views, persons), device, seconds).median
    return {"milliseconds": 1e3 * once, "clips per second": clips / once}


PARTS = {
    "training step": (0.42, step_cases),
    "input": (0.10, input_cases),
    "use": (0.10, use_cases),
    "ranks and memory": (0.10, memory_cases),
    "time to accuracy": (0.28, accuracy_cases),
}
"""The share of the time that each part gets, and its cases."""


def named(settings: StepSettings) -> str:
    """Settings in a few words."""
    rest = ("shape", "precision", "compile", "persons", "one_person")
    return f"{settings.size}, {settings.clips} clips, " + ", ".join(
        f"{name} {getattr(settings, name)}" for name in rest
    )


def read(notes: Path) -> dict[str, Any]:
    """What a part noted."""
    return json.loads(notes.read_text()) if notes.exists() else {}


def markdown(report: dict[str, Any]) -> str:
    """One table a part: every number of a case in its line."""
    lines = ["# Measured on one machine", "", f"{report['seconds']} s in all."]
    for name, part in report["parts"].items():
        lines += [
            "",
            f"## {name}",
            "",
            f"{part['outcome']}, {part['seconds']} s",
            "",
            "| case | figures |",
            "|---|---|",
        ]
        lines += [f"| {case} | {'; '.join(figures(found))} |" for case, found in part["cases"].items()]
    return "\n".join(lines) + "\n"


def figures(found: Any, inside: str = "") -> Iterator[str]:
    """The numbers of nested dictionaries, named by their path, and of a curve its end; the rest is in the JSON only."""
    for key, value in found.items():
        name = f"{inside}{key}"
        if isinstance(value, dict) and key not in ("settings", "versions", "machine"):
            yield from figures(value, f"{name}, ")
        elif isinstance(value, list) and value and isinstance(value[-1], dict):
            yield from figures(value[-1], f"{name}, ")
        elif isinstance(value, float):
            yield f"{name} {value:.4g}"
        elif isinstance(value, int | str):
            yield f"{name} {value}"


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--seconds", type=float, default=450, help="for all parts; the last cases take a little more")
    parser.add_argument("--nw-ucla", type=Path, help="all_sqe.zip or its folder; without it, built-in data are learnt")
    parser.add_argument("--precision", choices=("float32", "bf16"), default="float32", help="of time to accuracy")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), help="some parts only")
    parser.add_argument("--out", type=Path, default=Path("gpu"), help="NAME of NAME.json and NAME.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
