"""A finished part of a preparation, kept on disk so that an interrupted preparation can go on."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float32

from psp.files import write_atomically
from psp.errors import StoreError
from psp.skeleton.clip import Clip

FACTS = ("id", "label", "subject", "camera", "setup", "repetition")


class Skipped(NamedTuple):
    """A recording that could not be used: the file, with its line where that is known, and the reason."""

    where: str
    reason: str


@dataclass(frozen=True)
class Chunk:
    """Prepared clips, how often what was changed in them, and the recordings that could not be used."""

    clips: list[Clip] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the file at `path` atomically."""
        about = {
            "clips": [_facts(clip) for clip in self.clips],
            "counts": self.counts,
            "skipped": self.skipped,
        }
        rows = [clip.joints.reshape(-1, *clip.joints.shape[2:]) for clip in self.clips]
        joints = np.concatenate(rows) if rows else np.empty((0, 0, 3), dtype=np.float32)
        text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        write_atomically(path, lambda place: _write_arrays(place, joints=joints, about=text))


def load_chunk(path: Path) -> Chunk:
    """Read what `Chunk.save` wrote; StoreError if it is damaged."""
    with _arrays(path) as file:
        joints, about = file["joints"], json.loads(file["about"].tobytes())
    skipped = [Skipped(*entry) for entry in about["skipped"]]
    return Chunk(list(_clips(about["clips"], joints)), Counter(about["counts"]), skipped)


def load_skipped(path: Path) -> list[Skipped]:
    """Read only which recordings could not be used."""
    with _arrays(path) as file:
        return [Skipped(*entry) for entry in json.loads(file["about"].tobytes())["skipped"]]


def _write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """NumPy adds .npz to a path of another name, but not to an opened file."""
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


@contextmanager
def _arrays(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            yield file
    except (BadZipFile, EOFError, KeyError, TypeError, ValueError) as error:
        what = f"this part of a preparation is damaged ({error})."
        raise StoreError(what, where=str(path), remedy="Call again: it is made anew.") from error


def _facts(clip: Clip) -> list[Any]:
    return [*(getattr(clip, name) for name in FACTS), clip.persons, clip.frames]


def _clips(facts: list[list[Any]], joints: Float32[np.ndarray, "rows v 3"]) -> Iterator[Clip]:
    first = 0
    for *values, persons, frames in facts:
        shape = (persons, frames, *joints.shape[1:])
        last = first + int(np.prod(shape[:2]))
        yield Clip(joints=joints[first:last].reshape(shape), **dict(zip(FACTS, values, strict=True)))
        first = last
