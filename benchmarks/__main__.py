"""Measure how fast things are on this machine; every measurement prints a table and may write JSON.

python -m benchmarks step --sizes tiny small --out step.json
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from psp.methods.methods import MethodName
from psp.train.schedule import rescheduled

from benchmarks.accuracy_over_time import draw_accuracy_over_time
from benchmarks.findings import keep, refuse_existing, show
from benchmarks.input import measure_input
from benchmarks.memory import measure_memory
from benchmarks.ranks import measure_ranks
from benchmarks.scale import measure_scale
from benchmarks.step import Compile, Shape, StepSettings, measure_step, one_person_ratio
from benchmarks.time_to_accuracy import Point, measure_time_to_accuracy
from benchmarks.use import measure_use
from psp.cli.console import say
from psp.cli.evaluate import Device
from psp.cli.options import Command, parse_arguments, parser_of
from psp.dataset.store import open_store
from psp.errors import ConfigError, PSPError
from psp.figures.canvas import check_picture
from psp.model.encoder import Size
from psp.train.device import Precision, device_by_name
from psp.train.presets import PRESETS, PresetName, with_method


def step(
    sizes: list[Size] = ["tiny", "small", "full"],  # noqa: B006
    shape: Shape = "ntu",
    clips: int = 99,
    one_person: float = 0.0,
    precision: Precision = "float32",
    absent: bool = False,
    compile: Compile = "none",
    seconds: float = 2.0,
    device: Device = "auto",
    out: Path | None = None,
) -> None:
    """Time a training step beside the floor that matrix products and memory set.

    Args:
        sizes: of the network
        shape: of a clip, 50 frames of 25 joints and two persons or of 20 joints and one
        clips: in a batch, one in eleven labelled
        one_person: the share of clips that show one person
        precision: of the products
        absent: let absent persons through the encoder, as the published program does
        compile: a mode of torch.compile for the encoder
        seconds: how long each figure is measured
        device: where to compute
        out: the .json file to write
    """
    refuse_existing(out)
    place = device_by_name(device)
    found: dict[str, dict[str, Any]] = {}
    for size in sizes:
        settings = StepSettings(size, shape, clips, one_person, precision, "all" if absent else "present", compile)
        found[size] = measure_step(settings, place, seconds)
        if shape == "ntu" and not absent:
            found[size]["one person over two"] = one_person_ratio(settings, place, seconds)
    rows = {f"{size}, {part}": each[part] for size, each in found.items() for part in ("step", "encoder")}
    columns = ("seconds", "floor seconds", "times the floor", "times the floor of layers", "share of the matrix rate")
    show("training step", {name: {key: row[key] for key in columns} for name, row in rows.items()})
    whole = ("clips per second", "forward seconds", "backward seconds", "optimiser seconds", "one person over two")
    show("parts of a step", {name: {key: row[key] for key in whole if key in row} for name, row in found.items()})
    keep(found, out)


def input(
    sizes: list[Size] = ["tiny", "small", "full"],  # noqa: B006
    presets: list[PresetName] = ["best", "published"],  # noqa: B006
    shape: Shape = "ntu",
    precision: Precision | None = None,
    seconds: float = 2.0,
    device: Device = "auto",
    out: Path | None = None,
) -> None:
    """Time the making of batches as a share of the training step.

    Args:
        sizes: of the network
        presets: whose sampling, augmentation and batches to use
        shape: of a clip, 25 joints and up to two persons or 20 joints and one
        precision: of the step, if not as the preset says
        seconds: how long each figure is measured
        device: where to compute
        out: the .json file to write
    """
    refuse_existing(out)
    place = device_by_name(device)
    found = {
        f"{preset}, {size}": measure_input(size, preset, shape, place, seconds, precision)
        for preset in presets
        for size in sizes
    }
    numbers = {
        name: {key: value for key, value in each.items() if isinstance(value, float)} for name, each in found.items()
    }
    show("input", numbers)
    keep(found, out)


def use(
    sizes: list[Size] = ["tiny", "small", "full"],  # noqa: B006
    persons: int = 1,
    clips: int = 64,
    seconds: float = 2.0,
    out: Path | None = None,
) -> None:
    """Time recognising one clip, many clips and a stream, with PyTorch and onnxruntime, on the processor.

    Args:
        sizes: of the network
        persons: in a clip
        clips: how many are many
        seconds: how long each figure is measured
        out: the .json file to write
    """
    refuse_existing(out)
    found = measure_use(sizes, persons, clips, seconds)
    programs = ("PyTorch", "onnxruntime")
    show("use", {f"{size}, {name}": each[name] for size, each in found["sizes"].items() for name in programs})
    keep(found, out)


def scale(
    clips: list[int] = [10_000, 100_000, 1_000_000],  # noqa: B006
    folder: Path | None = None,
    out: Path | None = None,
) -> None:
    """Write and read stores of very many made clips: seconds to open, clips a second, memory.

    Args:
        clips: how many, one store each; a million take some 10 GB for a while
        folder: where the stores are made and removed; by default the system's temporary folder
        out: the .json file to write
    """
    refuse_existing(out)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        found = measure_scale(clips, Path(place))
    for what in ("seconds", "clips per second"):
        show(what, {f"{each['clips']} clips": each["read"][what] for each in found["results"]})
    keep(found, out)


def ranks(
    sizes: list[Size] = ["tiny", "small"],  # noqa: B006
    ranks: list[int] = [1, 2],  # noqa: B006
    shape: Shape = "nw-ucla",
    clips: int = 99,
    seconds: float = 5.0,
    device: Device = "auto",
    out: Path | None = None,
) -> None:
    """Time the same step on several ranks, which share the cores of a processor or have a GPU each.

    Args:
        sizes: of the network
        ranks: how many, one measurement each
        shape: of a clip, 50 frames of 25 joints and two persons or of 20 joints and one
        clips: in the joined batch
        seconds: how long each figure is measured
        device: where to compute
        out: the .json file to write
    """
    refuse_existing(out)
    found = measure_ranks(StepSettings(shape=shape, clips=clips), sizes, ranks, device_by_name(device), seconds)
    rows = {
        f"{size}, {count} ranks": row for size, by_count in found["sizes"].items() for count, row in by_count.items()
    }
    show("step on several ranks", rows)
    keep(found, out)


def memory(
    size: Size = "small", shape: Shape = "nw-ucla", clips: int = 99, device: Device = "auto", out: Path | None = None
) -> None:
    """Compare the memory and time of a step in all ways of training in less memory.

    Args:
        size: of the network
        shape: of a clip, 50 frames of 25 joints and two persons or of 20 joints and one
        clips: in the batch
        device: where to compute
        out: the .json file to write
    """
    refuse_existing(out)
    found = measure_memory(StepSettings(size, shape, clips), device_by_name(device))
    show("memory of a step", found["ways"])
    keep(found, out)


def time_to_accuracy(
    store: Path,
    protocol: str = "nw-ucla",
    watch: str | None = None,
    budget: str = "5/class",
    preset: PresetName = "best",
    size: Size = "light",
    method: MethodName | None = None,
    precision: Precision | None = None,
    epochs: int | None = None,
    seeds: list[int] = [0],  # noqa: B006
    runs: Path | None = None,
    picture: Path | None = None,
    device: Device = "auto",
    out: Path | None = None,
) -> None:
    """Record test accuracy over the seconds of training, for as many epochs as a held-out training view asks for.

    Args:
        store: a prepared data set, NW-UCLA for the figures of the paper
        protocol: which clips train and which test
        watch: the protocol on which the epochs are chosen, without test clips; known for nw-ucla
        budget: whose labels may be used
        preset: paper (its text), published (its program) or best (ours)
        size: of the network
        method: how to learn, if not as the preset says
        precision: of the products, if not as the preset says
        epochs: the most that is considered, if not as the preset says
        seeds: of training and label budget, one curve each
        runs: a folder to keep the runs in
        picture: the .png, .svg or .pdf file to draw
        device: where to compute
        out: the .json file to write
    """
    refuse_existing(out)
    if picture:
        check_picture(picture)
    config = PRESETS[preset](protocol, budget, size)
    config = rescheduled(with_method(config, method), config.epochs if epochs is None else epochs)
    config = replace(config, precision=precision or config.precision)
    with tempfile.TemporaryDirectory() as temporary:
        found = measure_time_to_accuracy(
            open_store(store), config, runs or Path(temporary), seeds=seeds, watch=watch, device=device, show=_tell
        )
    show(f"seconds of training to an accuracy, {found['epochs chosen']} epochs", _reached(found, seeds))
    keep(found, out)
    if picture:
        _draw_curves(picture, found)


def _tell(run: str, point: Point) -> None:
    say(f"{run}: epoch {point.epoch}, {point.seconds:.1f} s, {point.top1['full']:.1f} %")


def _reached(found: Mapping[str, Any], seeds: list[int]) -> dict[str, Any]:
    return {
        f"{goal['accuracy']} %, {name}, seed {seed}": goal[str(seed)]
        for name, goal in found["seconds to"].items()
        for seed in seeds
    }


def _draw_curves(picture: Path, found: Mapping[str, Any]) -> None:
    curves = {
        f"seed {seed}": [(point["seconds"], point["top1"]["full"]) for point in curve]
        for seed, curve in found["test curves"].items()
    }
    draw_accuracy_over_time(picture, curves, {name: goal["accuracy"] for name, goal in found["seconds to"].items()})


MEASUREMENTS: Mapping[str, Command] = {
    "step": step,
    "input": input,
    "use": use,
    "scale": scale,
    "ranks": ranks,
    "memory": memory,
    "time-to-accuracy": time_to_accuracy,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one measurement; return 0, or 2 for errors that the user can correct."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words[0] if words else "--help"
    if name in ("-h", "--help"):
        sys.stdout.write(f"{__doc__}\nMeasurements: {', '.join(MEASUREMENTS)}. See NAME --help.\n")
        return 0
    try:
        if name not in MEASUREMENTS:
            raise ConfigError(f"there is no measurement {name!r}.", remedy=f"Choose from {', '.join(MEASUREMENTS)}.")
        parser = parser_of(MEASUREMENTS[name], name)
        parser.prog = f"python -m benchmarks {name}"
        MEASUREMENTS[name](**parse_arguments(parser, words[1:]).as_dict())
    except PSPError as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
