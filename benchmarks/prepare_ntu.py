"""How long does NTU RGB+D 60 take to prepare, and how much memory? Extrapolated from copies of sample files.

    python benchmarks/prepare_ntu.py ../shared/data/ntu-samples/raw_skeletons.zip

The undamaged `.skeleton` files of the folder or archive are copied under distinct names until there are
enough of them, then prepared like the data set itself. The time is proportional to the number of files.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from psp.data.clean import CleanConfig
from psp.data.normalise import NormaliseConfig
from psp.data.prepare import PreparationReport, prepare
from psp.data.read_ntu import parse_skeleton
from psp.data.source import FileSource
from psp.errors import RecordingError

RECORDINGS = 56_880
"""Files of the whole data set."""


def main() -> None:
    """Copy, prepare, and write what was measured."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        samples = list(whole_files(options.source))
        size = multiply(samples, Path(folder, "nturgb+d_skeletons"), options.copies)
        report = prepare("ntu60", Path(folder, "nturgb+d_skeletons"), Path(folder, "store"), workers=options.workers)
    result = {"samples": len(samples), "copied bytes": size} | measured(report, options.workers) | provenance()
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


def multiply(samples: list[bytes], folder: Path, copies: int) -> int:
    """Write the samples in turn under distinct names of the data set; return the number of bytes."""
    folder.mkdir()
    size = 0
    for number in range(copies):
        performance, action = divmod(number, 60)
        subject, camera = divmod(performance, 3)
        name = f"S001C{camera + 1:03}P{subject + 1:03}R001A{action + 1:03}.skeleton"
        size += (folder / name).write_bytes(samples[number % len(samples)])
    return size


def measured(report: PreparationReport, workers: int) -> dict[str, object]:
    """The figures; memory is at most that of this process plus `workers` times that of the largest child."""
    own, largest = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {
        "clips": report.clips,
        "workers": workers,
        "seconds": round(report.seconds, 2),
        "clips per second": round(report.clips / report.seconds, 1),
        "MiB peak, this process": round(own, 1),
        "MiB peak, largest worker": round(largest, 1),
        "MiB peak, all processes at most": round(own + workers * largest, 1),
        f"minutes for {RECORDINGS} files": round(report.seconds * RECORDINGS / report.clips / 60, 2),
    }


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
    parser.add_argument("--copies", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the copies are written (default: the system's)")
    parser.add_argument("--out", type=Path, default=Path("results/prepare-ntu60.json"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
