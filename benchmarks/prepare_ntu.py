"""How long NTU RGB+D 60 takes to prepare, and how much memory, measured on copies of sample files.

The undamaged `.skeleton` files of a folder or archive are copied under distinct names into a folder that grows. At
every size it is prepared like the data set itself, by a fresh process. Beside it stands what the first files cost at
least, on one core: to be read, to be split into lines, to be parsed.
"""

import multiprocessing
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

import torch

from benchmarks.findings import keep, refuse_existing, show
from benchmarks.machine import provenance
from psp.dataset.build import prepare
from psp.errors import RecordingError
from psp.io.formats.ntu import open_ntu, parse_skeleton, read_skeleton_file
from psp.io.source import FileSource

RECORDINGS = 56_880
"""Files of the whole data set."""

MEMORY = "MiB at most, first process and workers"


def prepare_ntu(
    source: Path,
    copies: list[int] = [500, 1000, 2000, 4000],  # noqa: B006
    workers: int = 2,
    folder: Path | None = None,
    out: Path | None = None,
) -> None:
    """Time the preparation of NTU RGB+D 60 on copies of sample files.

    Args:
        source: a folder or zip archive of .skeleton files
        copies: how many files are prepared, one measurement each
        workers: processes to use
        folder: where the copies are written, by default the system's temporary folder
        out: the .json file to write
    """
    refuse_existing(out)
    samples, curve, done = list(whole_files(source)), list[dict[str, float]](), 0
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        files = Path(temporary, "nturgb+d_skeletons")
        files.mkdir()
        for count in sorted(copies):
            multiply(samples, files, range(done, count))
            curve.append(_in_fresh_process(measured, files, Path(temporary, "store"), workers))
            done = count
        least = _in_fresh_process(floor, files, min(copies))
    whole = whole_data_set(curve)
    show("preparation", {f"{each['files']} files": each for each in curve} | {"all": whole})
    found = {"samples": len(samples), "bytes a file": round(sum(map(len, samples)) / len(samples)), "curve": curve}
    found |= {"floor, one core": least, "whole data set": whole, "machine": provenance(torch.device("cpu"))}
    keep(found, out)


def whole_files(source: Path) -> Iterator[bytes]:
    """Yield the contents of the files that are not damaged."""
    files = FileSource(source, (".skeleton",))
    for file in files.files():
        content = files.read(file.name)
        with suppress(RecordingError):
            parse_skeleton(content, f"{file.id}.skeleton")
            yield content


def multiply(samples: list[bytes], folder: Path, numbers: range) -> None:
    """Write the samples in turn under distinct names of the data set, and wait for the disk."""
    for number in numbers:
        performance, action = divmod(number, 60)
        subject, camera = divmod(performance, 3)
        name = f"S001C{camera + 1:03}P{subject + 1:03}R001A{action + 1:03}.skeleton"
        (folder / name).write_bytes(samples[number % len(samples)])
    os.sync()


def measured(files: Path, store: Path, workers: int) -> dict[str, float]:
    """Prepare the files and return speed and the memory of all processes."""
    seen, done = [_allocated()], threading.Event()
    watch = threading.Thread(target=_watch, args=(seen, done))
    watch.start()
    try:
        report = prepare(files, store, format="ntu60", workers=workers)
    finally:
        done.set()
        watch.join()
    shutil.rmtree(store)
    return {
        "files": report.clips,
        "workers": workers,
        "seconds": round(report.seconds, 2),
        "files a second": round(report.clips / report.seconds, 1),
        "files a second and core": round(report.clips / report.seconds / workers, 1),
        "MiB before": round(seen[0], 1),
        MEMORY: round(max(seen), 1),
    }


def floor(files: Path, count: int) -> dict[str, float]:
    """Return the milliseconds a file of the first steps, each including those before it."""
    paths = [files / file.name for file in open_ntu(files, actions=60).items()[0][:count]]
    steps: dict[str, Callable[[Path], object]] = {
        "read": Path.read_bytes,
        "read, split into lines": lambda path: path.read_bytes().split(b"\n"),
        "read, split into words": lambda path: path.read_bytes().split(),
        "read, parse": read_skeleton_file,
    }
    return {f"ms a file: {name}": round(1e3 * _seconds(step, paths) / count, 3) for name, step in steps.items()}


def whole_data_set(curve: list[dict[str, float]]) -> dict[str, float]:
    """Return time in proportion to the largest size, and memory on the line from the smallest to the largest."""
    smallest, largest = curve[0], curve[-1]
    found = {"files": RECORDINGS, "minutes": round(largest["seconds"] * RECORDINGS / largest["files"] / 60, 2)}
    if smallest is largest:
        return found
    slope = (largest[MEMORY] - smallest[MEMORY]) / (largest["files"] - smallest["files"])
    total = largest[MEMORY] + slope * (RECORDINGS - largest["files"])
    return found | {"MiB": round(total, 1), "KiB a file": round(1024 * slope, 2)}


def _seconds(step: Callable[[Path], object], paths: list[Path]) -> float:
    """Return the least of three passes: what another program takes from one is not the step's own."""
    passes = []
    for _ in range(3):
        start = time.perf_counter()
        for path in paths:
            step(path)
        passes.append(time.perf_counter() - start)
    return min(passes)


def _watch(seen: list[float], done: threading.Event) -> None:
    while not done.wait(0.1):
        seen.append(_allocated())


def _allocated() -> float:
    """Return the MiB of this process and its children; what they share since they were forked counts once."""
    total = 0
    for process in (os.getpid(), *(child.pid for child in multiprocessing.active_children())):
        with suppress(FileNotFoundError, ProcessLookupError):
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:"))
    return total / 1024


def _in_fresh_process(function: Callable[..., dict[str, float]], *arguments: object) -> dict[str, float]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _start_children_as_usual) as process:
        return process.submit(function, *arguments).result()


def _start_children_as_usual() -> None:
    """Undo that the children of a spawned process are spawned too."""
    multiprocessing.set_start_method(None, force=True)
