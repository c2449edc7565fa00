"""Writing and reading of complete checkpoints with their sha256; the last two are kept."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from psp.errors import CheckpointError
from psp.files import flush_folder, named

KEPT = 2


def save_checkpoint(folder: Path, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint of `step`: tensors, JSON facts and the hash of both; then remove other ones.

    If there is an undamaged checkpoint of the step, it is not written again. Older, damaged and later checkpoints are
    removed only after the new one is on the disk, so that a kill at any moment leaves the newest complete state.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final, temporary = folder / f"{step:09d}", folder / f".writing-{step:09d}"
    if _read(final) is None:
        _discard(temporary)
        temporary.mkdir()
        state = save({name: value.contiguous() for name, value in tensors.items()})
        facts = {"step": step, **facts}
        _write(temporary / "state.safetensors", state)
        _write(temporary / "facts.json", json.dumps({"sha256": _digest(state, facts), "facts": facts}).encode())
        flush_folder(temporary)
        _discard(final)  # a damaged checkpoint, if any
        temporary.rename(final)
    flush_folder(folder)
    _prune(folder, final)


def load_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return the newest undamaged checkpoint; None if there is none at all, CheckpointError if all are damaged."""
    found = _checkpoints(folder)
    for path in reversed(found):
        content = _read(path)
        if content is not None:
            return content
    if found:
        remedy = "Start the run again in a new folder."
        raise CheckpointError("all checkpoints are damaged.", where=str(folder), remedy=remedy)
    return None


def newest_step(folder: Path) -> int:
    """Return the step of the newest checkpoint, 0 if there is none."""
    return max((int(path.name) for path in _checkpoints(folder)), default=0)


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, by their names without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return a checkpoint, None if it is missing or damaged."""
    try:
        state = (path / "state.safetensors").read_bytes()
        content = json.loads((path / "facts.json").read_bytes())
        if content["sha256"] == _digest(state, content["facts"]):
            return load(state), content["facts"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError):
        return None
    return None


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*"))


def _prune(folder: Path, saved: Path) -> None:
    found = _checkpoints(folder)
    now = found.index(saved)
    for other in [*found[: max(0, now + 1 - KEPT)], *found[now + 1 :], *folder.glob(".writing-*")]:
        _discard(other)


def _discard(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)


def _digest(state: bytes, facts: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(state)
    digest.update(json.dumps(facts, sort_keys=True).encode())
    return digest.hexdigest()


def _write(path: Path, content: bytes) -> None:
    with named(path), path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
