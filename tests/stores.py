"""Small data sets for tests."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from psp.dataset.clip_table import ClipTable
from psp.dataset.store import AS_RECORDED, Store, open_store
from psp.dataset.writer import StoreWriter
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip, ClipInfo

LEGS = [f"{side}_leg{leg}" for side in ("left", "right") for leg in (1, 2, 3)]
BEETLE = Layout.from_graph(
    "beetle",
    ["head", "thorax", "abdomen", "tail", *(f"{leg}_{joint}" for leg in LEGS for joint in ("base", "knee", "tip"))],
    [
        ("head", "thorax", "abdomen", "tail"),
        *(
            ("abdomen" if "3" in leg else "thorax", *(f"{leg}_{joint}" for joint in ("base", "knee", "tip")))
            for leg in LEGS
        ),
    ],
)
"""An own layout of 22 joints that is no human body."""


def small_clips(
    clips: int = 48,
    classes: int = 4,
    persons: int = 2,
    *,
    joints: int = 20,
    channels: int = 3,
    confidence: bool = False,
) -> Iterator[Clip]:
    """Clips of 6 subjects and 3 cameras; the class shows in the direction in which joint 7 moves."""
    draw = np.random.default_rng(0)
    for number in range(clips):
        label, frames = number % classes, 12 + number % 9
        values = draw.normal(0, 0.02, (1 + number % persons, frames, joints, channels))
        values += np.linspace(-1, 1, joints)[:, None]
        angle = 2 * np.pi * label / classes
        values[:, :, 7] += (np.linspace(0, 1, frames)[:, None] * [np.cos(angle), np.sin(angle), 0.3])[:, :channels]
        subject, camera = number // classes % 6 + 1, number // (6 * classes) % 3 + 1
        columns = {"subject": subject, "camera": camera, "setup": 0, "repetition": 0}
        seen = np.where(draw.random(values.shape[:3]) < 0.1, 0, 0.75).astype(np.float32) if confidence else None
        yield Clip(ClipInfo(f"clip{number:03d}", label, columns), values.astype(np.float32), seen)


def small_store(path: Path, clips: int = 48, classes: int = 4, persons: int = 2) -> Store:
    """Write the small clips with the layout kinect20."""
    names = [f"class {number}" for number in range(classes)]
    layout = layout_by_name("kinect20")
    with StoreWriter(path, dataset="synthetic", layout=layout, classes=names, up="y", source="tests") as writer:
        for clip in small_clips(clips, classes, persons):
            writer.add(clip)
    return open_store(path)


def own_store(path: Path | None, layout: str = "beetle", clips: int = 48, classes: int = 4) -> Store:
    """Write a data set that is not built in: `beetle` has 22 joints in 3-D, `coco17` 2-D joints with confidence.

    Without a path it stays in memory.
    """
    names, is_flat = [f"class {number}" for number in range(classes)], layout == "coco17"
    skeleton = layout_by_name(layout) if is_flat else BEETLE
    shape = {"joints": len(skeleton.joints), "channels": 2 if is_flat else 3, "confidence": is_flat}
    made, up = small_clips(clips, classes, 1, **shape), "-y" if is_flat else "z"
    if path is None:
        return Store.in_memory(list(made), skeleton, names, up=up, dataset="mine")
    with StoreWriter(path, dataset="mine", layout=skeleton, classes=names, up=up, source="tests") as writer:
        for clip in made:
            writer.add(clip)
    return open_store(path)


def table_store(ids: Sequence[str], label: Sequence[int], dataset: str = "mine", **columns: Sequence[Any]) -> Store:
    """Make a data set of which only the table matters: the clips have one person, one frame and no joints."""
    ones = np.ones(len(ids), dtype=np.int64)
    table = ClipTable.of(ids, label, ones, ones, columns)
    names = tuple(f"class {number}" for number in range(max([0, *label]) + 1))
    joints = np.zeros((0, 25, 3), dtype=np.float32)
    layout = layout_by_name("ntu25")
    return Store(None, layout, names, dataset, table, joints, None, "y", AS_RECORDED, None, {})
