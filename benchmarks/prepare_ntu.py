"""How long does NTU RGB+D 60 take to prepare, and how much memory? Measured on copies of sample files.

    python -m benchmarks.prepare_ntu raw_skeletons.zip

The undamaged `.skeleton` files of the folder or archive are copied under distinct names into a folder that grows. At
every size it is prepared like the data set itself, by a fresh process. Beside it stands what the first files cost at
least, on one core: to be read, to be split into lines, to be parsed.
"""

import argparse
import importlib.metadata
import json
import multiprocessing
import os
import platform
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np

from psp.errors import RecordingError
from psp.io.ntu import open_ntu, parse_skeleton, read_skeleton_file
from psp.io.source import FileSource
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormaliseConfig
from psp.preprocess.prepare import prepare

RECORDINGS = 56_880
"""Files of the whole data set."""

MEMORY = "MiB at most, first process and workers"


def main() -> None:
    """Copy and prepare at every size, and write what was measured."""
    options = _options()
    samples = list(whole_files(options.source))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        files = Path(folder, "nturgb+d_skeletons")
        files.mkdir()
        curve, done = [], 0
        for count in sorted(options.copies):
            multiply(samples, files, range(done, count))
            curve.append(_in_fresh_process(measured, files, Path(folder, "store"), options.workers))
            done = count
        least = _in_fresh_process(floor, files, min(options.copies))
    result = {"samples": len(samples), "bytes a file": round(sum(map(len, samples)) / len(samples))}
    result |= {"curve": curve, "floor, one core": least, "whole data set": whole_data_set(curve)} | provenance()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def whole_files(source: Path) -> Iterator[bytes]:
    """Yield the contents of the files that are not damaged."""
    files = FileSource(source, ".skeleton")
    for file in files.files():
        content = files.read(file.name)
        try:
            parse_skeleton(content, f"{file.id}.skeleton")
        except RecordingError:
            continue
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
    """Prepare the files, with an eye on the memory of all processes."""
    seen, done = [_allocated()], threading.Event()
    watch = threading.Thread(target=_watch, args=(seen, done))
    watch.start()
    report = prepare("ntu60", files, store, workers=workers)
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
    """Milliseconds a file for the first steps, each including those before it."""
    paths = [files / file.name for file in open_ntu(files, 60).items()[0][:count]]
    steps: dict[str, Callable[[Path], object]] = {
        "read": Path.read_bytes,
        "read, split into lines": lambda path: path.read_bytes().split(b"\n"),
        "read, split into words": lambda path: path.read_bytes().split(),
        "read, parse": read_skeleton_file,
    }
    return {f"ms a file: {name}": round(1e3 * _seconds(step, paths) / count, 3) for name, step in steps.items()}


def whole_data_set(curve: list[dict[str, float]]) -> dict[str, float]:
    """Time in proportion to the largest size; memory on a straight line from the smallest to the largest."""
    smallest, largest = curve[0], curve[-1]
    minutes = largest["seconds"] * RECORDINGS / largest["files"] / 60
    if smallest is largest:
        return {"files": RECORDINGS, "minutes": round(minutes, 2)}
    slope = (largest[MEMORY] - smallest[MEMORY]) / (largest["files"] - smallest["files"])
    total = largest[MEMORY] + slope * (RECORDINGS - largest["files"])
    return {
        "files": RECORDINGS,
        "minutes": round(minutes, 2),
        "MiB": round(total, 1),
        "KiB a file": round(1024 * slope, 2),
    }


def _seconds(step: Callable[[Path], object], paths: list[Path]) -> float:
    """The least of three passes: what another program takes from one is not the step's own."""
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
    """MiB that this process and its children have allocated; what they share since they were forked counts once."""
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


def provenance() -> dict[str, object]:
    """Machine, versions and settings."""
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    return {
        "settings": {"clean": asdict(CleanConfig()), "normalise": asdict(NormaliseConfig())},
        "versions": versions | {"psp-learning": importlib.metadata.version("psp-learning")},
        "machine": {"system": platform.platform(), "processor": _processor(), "cores": os.cpu_count()},
    }


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time the preparation of NTU RGB+D 60.")
    parser.add_argument("source", type=Path, help="folder or zip archive of .skeleton files")
    parser.add_argument("--copies", type=int, nargs="+", default=[500, 1000, 2000, 4000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the copies are written (default: the system's)")
    parser.add_argument("--out", type=Path, default=Path("results/prepare-ntu60.json"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
