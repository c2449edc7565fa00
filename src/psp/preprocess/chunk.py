"""A finished part of a preparation, kept on disk so that an interrupted preparation can be continued."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float, Float32

from psp.config.json_file import Form, parse_json
from psp.errors import StoreError
from psp.files import named
from psp.skeleton.recording import Clip, ClipInfo

AGAIN = "Start the preparation again: this part is made anew."

ABOUT: Form = {"clips": [{"info": dict, "shape": [int], "observed": bool}], "counts": {str: int}, "skipped": [[str]]}
"""The form of the description of a chunk's arrays."""


class Skipped(NamedTuple):
    """A recording that could not be used: the file, with its line where that is known, and the reason."""

    where: str
    reason: str


@dataclass(frozen=True)
class Chunk:
    """Prepared clips, the number of changes of each kind, and the recordings that could not be used."""

    clips: list[Clip] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the chunk to `path`; the file appears when it is complete.

        It is not flushed to the disk, because that takes longer than making it anew. Damage by a power loss is detected
        when it is loaded.
        """
        about = {"clips": [_facts(clip) for clip in self.clips], "counts": self.counts, "skipped": self.skipped}
        joints = _joined([clip.joints for clip in self.clips])
        confidence = _joined([clip.confidence for clip in self.clips if clip.confidence is not None])
        text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.writing")
        with named(path), temporary.open("wb") as file:
            np.savez(file, joints=joints, confidence=confidence, about=text)
        temporary.replace(path)


def load_chunk(path: Path) -> Chunk:
    """Read what `Chunk.save` wrote; StoreError if it is damaged."""
    with _arrays(path) as file:
        joints, confidence, text = file["joints"], file["confidence"], file["about"].tobytes()
        about = parse_json(text, ABOUT, StoreError, str(path), AGAIN)
        skipped = [Skipped(*entry) for entry in about["skipped"]]
        return Chunk(list(_clips(about["clips"], joints, confidence)), Counter(about["counts"]), skipped)


@contextmanager
def _arrays(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            yield file
    except (BadZipFile, EOFError, KeyError, TypeError, ValueError) as error:
        what = f"this part of a preparation is damaged ({error})."
        raise StoreError(what, where=str(path), remedy=AGAIN) from error


def _joined(arrays: list[Float32[np.ndarray, "..."]]) -> Float32[np.ndarray, "values"]:
    return np.concatenate([array.ravel() for array in arrays]) if arrays else np.empty(0, dtype=np.float32)


def _facts(clip: Clip) -> dict[str, Any]:
    info = {"id": clip.id, "label": clip.label, "columns": dict(clip.info.columns)}
    return {"info": info, "shape": clip.joints.shape, "observed": clip.confidence is None}


def _clips(
    facts: list[dict[str, Any]], joints: Float[np.ndarray, "values"], confidence: Float[np.ndarray, "known"]
) -> Iterator[Clip]:
    """Yield the clips, whose arrays are consecutive pieces of the joined ones."""
    for about in facts:
        shape = tuple(about["shape"])
        size = int(np.prod(shape))
        own, joints, seen = joints[:size].reshape(shape), joints[size:], None
        if not about["observed"]:
            size //= shape[-1]
            seen, confidence = confidence[:size].reshape(shape[:3]), confidence[size:]
        yield Clip(ClipInfo(**about["info"]), own, seen)
