"""All measurements of speed on one machine with a GPU, in under nine minutes; nothing is lost if it is cut off.

    python -m benchmarks gpu --nw-ucla all_sqe.zip --out results/gpu
    python -m benchmarks gpu --device cpu --seconds 20 --out /tmp/rehearsal

Every part (training step, input, use, memory and ranks, time to accuracy) runs in a process of its own with a time
limit. After every case the figures so far are written as JSON and as Markdown; a part that fails or takes too long is
noted and the next one begins.
"""

import json
import multiprocessing
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from benchmarks.input import measure_input
from benchmarks.machine import copy_rate, matrix_rate, provenance
from benchmarks.memory import measure_memory
from benchmarks.ranks import measure_ranks
from benchmarks.step import PublishedStep, Shape, StepSettings, measure_step, one_person_ratio
from benchmarks.time_to_accuracy import Point, measure_time_to_accuracy
from benchmarks.timing import measure
from benchmarks.use import measure_use
from psp.cli.console import say
from psp.dataset.build import prepare
from psp.errors import ConfigError, PSPError
from psp.files import write_atomically, write_json
from psp.io.formats.synthetic import SyntheticReader
from psp.model.encoder import Size
from psp.synthetic import SyntheticConfig
from psp.train.api import make_task, preset_config
from psp.train.config import Precision, RuntimeConfig
from psp.train.presets import PresetName

GRACE = 15
"""Seconds that a case may take longer than its part is given, before the part is ended."""

FAILURES: tuple[type[Exception], ...] = (
    PSPError, ArithmeticError, AssertionError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What ends a case, but not the others: torch raises RuntimeError when memory is short or a compiler fails."""


@dataclass(frozen=True)
class GPUConfig:
    """The options of the measurement."""

    device: Literal["cuda", "cpu"] = "cuda"
    seconds: float = 450.0
    nw_ucla: Path | None = None
    precision: Precision = "float32"

    @property
    def hardware(self) -> torch.device:
        """Where to compute."""
        return torch.device(self.device)

    @property
    def cuda(self) -> bool:
        """Whether that is a GPU."""
        return self.device == "cuda"

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The sizes of network to measure."""
        return ("full", "small", "tiny") if self.cuda else ("tiny",)


Case = tuple[str, Callable[[], dict[str, Any]]]
Note = Callable[[str, dict[str, Any]], None]


def gpu(
    device: Literal["cuda", "cpu"] = "cuda",
    seconds: float = 450.0,
    nw_ucla: Path | None = None,
    precision: Precision = "float32",
    parts: list[str] = [],  # noqa: B006
    out: Path = Path("gpu"),
) -> None:
    """Measure everything on one machine with a GPU, in under nine minutes; numbers are written after every case.

    Args:
        device: where to compute; cpu rehearses it
        seconds: for all parts; the last cases take a little more
        nw_ucla: all_sqe.zip or its folder; without it, built-in data are trained on
        precision: of time to accuracy
        parts: some parts only - training step, input, use, ranks and memory, time to accuracy
        out: NAME of NAME.json and NAME.md
    """
    for name in parts:
        if name not in PARTS:
            raise ConfigError(f"there is no part {name!r}.", where="parts", remedy=f"Choose from {', '.join(PARTS)}.")
    out.parent.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"seconds allowed": seconds, "parts": {}}
    config, begun = GPUConfig(device, seconds, nw_ucla, precision), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for name in parts or PARTS:
            notes = Path(folder) / f"{name}.json"
            outcome = run_part(name, config, notes)
            cases = json.loads(notes.read_text()) if notes.exists() else {}
            report["parts"][name] = outcome | {"cases": cases}
            report["seconds"] = round(time.monotonic() - begun, 1)
            write_json(out.with_suffix(".json"), report)
            write_atomically(out.with_suffix(".md"), lambda path: path.write_text(markdown(report)))
            say(f"{name}: {outcome}")
    say(markdown(report))


def run_part(name: str, config: GPUConfig, notes: Path) -> dict[str, Any]:
    """Run a part in a process group of its own, and end that when the time is over."""
    begun, limit = time.monotonic(), PARTS[name][0] * config.seconds
    process = multiprocessing.get_context("fork").Process(target=take_part, args=(name, config, limit, notes))
    process.start()
    process.join(limit + GRACE)
    outcome = "finished" if process.exitcode == 0 else f"failed with exit code {process.exitcode}"
    if process.is_alive():
        outcome = f"ended after {limit + GRACE:.0f} s"
        os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()
    return {"outcome": outcome, "limit": round(limit, 1), "seconds": round(time.monotonic() - begun, 1)}


def take_part(name: str, config: GPUConfig, limit: float, notes: Path) -> None:
    """Measure case after case until the time is over; note each one at once, errors too."""
    os.setpgrp()
    end, found = time.monotonic() + limit, dict[str, Any]()

    def note(case: str, value: dict[str, Any]) -> None:
        found[case] = value
        write_json(notes, found)

    for case, function in PARTS[name][1](config, note):
        if found and time.monotonic() > end:
            note(case, {"error": "no time was left"})
            continue
        try:
            note(case, function())
        except FAILURES as error:
            traceback.print_exc()
            note(case, {"error": f"{type(error).__name__}: {error}"[:500]})


def step_cases(config: GPUConfig, note: Note) -> Iterator[Case]:
    """The machine's rates, then the published step: large before small, fast ways before slow ones."""
    device, seconds = config.hardware, config.seconds / 500
    yield "machine", lambda: rates(device, seconds)
    plain = StepSettings("full", precision="bf16", clips=128) if config.cuda else StepSettings("tiny", "nw-ucla", 11)
    for settings in _variants(plain) if config.cuda else [plain, replace(plain, persons="all")]:
        yield named(settings), partial(measure_step, settings, device, seconds)
        if settings == plain and plain.shape == "ntu":
            yield "one person over two", lambda: {"ratio": one_person_ratio(plain, device, seconds)}


def _variants(plain: StepSettings) -> Sequence[StepSettings]:
    cases = [plain, replace(plain, compile="default")]
    cases += [replace(plain, clips=clips) for clips in (64, 256)]
    cases += [replace(plain, size=size, compile=mode) for mode in ("none", "default") for size in ("small", "tiny")]
    cases += [replace(plain, precision=precision) for precision in ("tf32", "float32")]
    cases += [replace(plain, shape="nw-ucla"), replace(plain, persons="all"), replace(plain, one_person=0.8)]
    return [*cases, replace(plain, clips=64, compile="default"), replace(plain, compile="max-autotune-no-cudagraphs")]


def input_cases(config: GPUConfig, note: Note) -> Iterator[Case]:
    """Making batches, by size and preset, for steps in mixed precision."""
    shape: Shape = "ntu" if config.cuda else "nw-ucla"
    presets: tuple[PresetName, ...] = ("published", "best")
    for preset in presets:
        for size in config.sizes:
            work = partial(measure_input, size, preset, shape, config.hardware, config.seconds / 1000)
            yield f"{preset}, {size}", partial(work, precision="bf16")


def use_cases(config: GPUConfig, note: Note) -> Iterator[Case]:
    """Recognising one clip and many on the device, then as a user would on the processor beside it."""
    seconds = config.seconds / 500
    for size in config.sizes:
        for clips in (1, 64, 1024) if config.cuda else (1, 8):
            yield f"{size}, {clips} clips, {config.device}", partial(recognise, size, clips, config.hardware, seconds)
    for size in reversed(config.sizes):
        yield f"{size}, processor", partial(measure_use, (size,), seconds=seconds / 2)


def memory_cases(config: GPUConfig, note: Note) -> Iterator[Case]:
    """One rank with all of the ranks' machinery, and ways to train in less memory."""
    settings = StepSettings("full", precision="bf16") if config.cuda else StepSettings("tiny", "nw-ucla", 11)
    yield "ranks", partial(measure_ranks, settings, config.sizes[:2], (1,), config.hardware, config.seconds / 500)
    yield "memory", partial(measure_memory, settings, config.hardware)


def accuracy_cases(config: GPUConfig, note: Note) -> Iterator[Case]:
    """Seconds to an accuracy on NW-UCLA, or on built-in data where it is not given."""
    sizes: tuple[Size, ...] = ("light", "small") if config.cuda else ("light",)
    for size in sizes:
        yield f"{size}, {config.precision}", partial(seconds_to_accuracy, config, size, note)


def seconds_to_accuracy(options: GPUConfig, size: Size, note: Note) -> dict[str, Any]:
    """Prepare, train and evaluate in a temporary folder; curves are noted while they grow."""
    curves: dict[str, Any] = {}

    def on_point(run: str, point: Point) -> None:
        curves.setdefault(run, []).append(asdict(point))
        note(f"{size}, so far", curves)

    watch = None if options.nw_ucla else "synthetic-xview"
    source = options.nw_ucla or SyntheticReader(SyntheticConfig("kinect20", clips=400))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        prepare(source, path)
        task = make_task(path)
        config = preset_config(task, size=size, epochs=80 if options.cuda else 2, init="none")
        config = replace(config, runtime=RuntimeConfig(options.precision))
        return measure_time_to_accuracy(
            task.store, config, Path(folder), watch=watch, device=options.device, on_point=on_point
        )


def rates(device: torch.device, seconds: float) -> dict[str, Any]:
    """Return what the machine is and can do."""
    found = {
        f"{name} product, flop/s": matrix_rate(device, dtype, seconds)
        for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))
    }
    return {**provenance(device), **found, "copy, bytes/s": copy_rate(device, seconds)}


@torch.no_grad()
def recognise(size: Size, clips: int, device: torch.device, seconds: float) -> dict[str, float]:
    """Return the milliseconds of a batch of clips with two modalities each, in evaluation mode."""
    step = PublishedStep(StepSettings(size, "nw-ucla", 11 * clips), device)
    predictor, sample = step.method.eval().predictor(), step.batch["labelled"].sample
    assert predictor is not None
    once = measure(lambda: predictor.logits(sample), device, seconds).median
    return {"milliseconds": 1e3 * once, "clips per second": clips / once}


PARTS: Mapping[str, tuple[float, Callable[[GPUConfig, Note], Iterator[Case]]]] = {
    "training step": (0.42, step_cases),
    "input": (0.10, input_cases),
    "use": (0.10, use_cases),
    "ranks and memory": (0.10, memory_cases),
    "time to accuracy": (0.28, accuracy_cases),
}
"""The share of the time that each part gets, and its cases."""


def named(settings: StepSettings) -> str:
    """Return settings in a few words."""
    rest = ("shape", "precision", "compile", "persons", "one_person")
    words = ", ".join(f"{name} {getattr(settings, name)}" for name in rest)
    return f"{settings.size}, {settings.clips} clips, {words}"


def markdown(report: Mapping[str, Any]) -> str:
    """Return one table a part: every number of a case in its line."""
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
    """Yield the numbers of nested dictionaries, named by their path, and of a curve its end."""
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
