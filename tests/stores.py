"""Small stored data sets for tests."""

import json
from pathlib import Path

import numpy as np

from psp.dataset.store import Store, open_store
from psp.dataset.clip_table import INDEX
from psp.dataset.writer import StoreWriter
from psp.skeleton.clip import Clip
from psp.skeleton.kinect20 import KINECT20


def small_store(path: Path, clips: int = 48, classes: int = 4, persons: int = 2) -> Store:
    """Kinect20 clips of 6 subjects and 3 cameras; the class shows in the direction in which a hand moves."""
    draw = np.random.default_rng(0)
    names = [f"class {number}" for number in range(classes)]
    with StoreWriter(
        path, dataset="synthetic", layout=KINECT20, classes=names, preprocessing={}, source="tests"
    ) as writer:
        for number in range(clips):
            label, frames = number % classes, 12 + number % 9
            joints = draw.normal(0, 0.02, (1 + number % persons, frames, 20, 3))
            joints += np.linspace(-1, 1, 20)[:, None]
            angle = 2 * np.pi * label / classes
            joints[:, :, 7] += np.linspace(0, 1, frames)[:, None] * [np.cos(angle), np.sin(angle), 0.3]
            subject, camera = number // classes % 6 + 1, number // (6 * classes) % 3 + 1
            writer.add(Clip(f"clip{number:03d}", joints.astype(np.float32), label, subject, camera))
    return open_store(path)


def without_index(path: Path) -> None:
    """Turn a store into one of the time before there was an index."""
    manifest = json.loads((path / "manifest.json").read_text())
    for name in INDEX:
        (path / name).unlink()
        del manifest["parts"][name]
    (path / "manifest.json").write_text(json.dumps(manifest))
