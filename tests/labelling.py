"""Data sets to label, and how their clips ought to be labelled, for tests."""

from dataclasses import replace
from pathlib import Path

from psp.dataset.store import Store, open_store
from psp.dataset.writer import StoreWriter
from stores import BEETLE, small_clips

NAMES = ("wave", "walk", "jump", "bow")
QUICK = ("--size", "tiny", "--method", "supervised", "--epochs", "1", "--device", "cpu")
"""Options of a training of some seconds."""


def truth(clip: str) -> str:
    """The class of a clip of `store_to_label`."""
    return NAMES[int(clip.rpartition("clip")[2][:3]) % 4] if "clip" in clip else "walk"


def store_to_label(
    path: Path, clips: int = 48, windows: int = 0, classes: tuple[str, ...] = (), known: int = 0
) -> Store:
    """Write clips without labels, except the first `known` ones; further `windows` are those of a long recording."""
    made = list(small_clips(clips + windows, 4, 1, joints=len(BEETLE.joints)))
    with StoreWriter(path, dataset="mine", layout=BEETLE, classes=classes, up="z", source="tests") as writer:
        for number, clip in enumerate(made):
            label = clip.label if number < known else None
            name = clip.id if number < clips else f"long:{10 * (number - clips)}-{10 * (number - clips) + 10}"
            writer.add(replace(clip, info=replace(clip.info, id=name, label=label)))
    return open_store(path)
