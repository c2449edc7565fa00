"""Saving and finding the state of a training run: complete checkpoints with their sha256, the last two kept."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from psp.files import flush_folder
from psp.errors import CheckpointError
from psp.train.average import WeightAverage

KEPT = 2


def save_checkpoint(folder: Path, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint of `step`: tensors, JSON facts and the hash of both; then forget older ones.

    Later ones, which a run that goes on here could not read, are forgotten too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for torn in folder.glob(".writing-*"):
        shutil.rmtree(torn)
    place, temporary = folder / f"{step:09d}", folder / f".writing-{step:09d}"
    state = save({name: value.contiguous() for name, value in tensors.items()})
    facts = {"step": step, **facts}
    temporary.mkdir()
    try:
        _write(temporary / "state.safetensors", state)
        _write(temporary / "facts.json", json.dumps({"sha256": _digest(state, facts), "facts": facts}).encode())
        shutil.rmtree(place, ignore_errors=True)
        temporary.rename(place)
        flush_folder(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _forget_others(folder, place)


def load_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read the newest checkpoint that is whole; None if there never was one, CheckpointError if all are damaged."""
    places = _places(folder)
    for place in reversed(places):
        try:
            state = (place / "state.safetensors").read_bytes()
            content = json.loads((place / "facts.json").read_bytes())
            if content["sha256"] == _digest(state, content["facts"]):
                return load(state), content["facts"]
        except (OSError, ValueError, KeyError, TypeError, SafetensorError):
            continue
    if places:
        remedy = "Start the run again in a new folder."
        raise CheckpointError("no checkpoint is readable.", where=str(folder), remedy=remedy)
    return None


def newest_step(folder: Path) -> int:
    """The step of the newest checkpoint, 0 if there is none."""
    return max((int(place.name) for place in _places(folder)), default=0)


def collect(network: nn.Module, optimiser: torch.optim.Optimizer, average: WeightAverage) -> dict[str, Tensor]:
    """Everything that the next step depends on, under one name each."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state.items()}
    for number, values in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in values.items() if value is not None}
    return tensors | random_state()


def restore(
    tensors: Mapping[str, Tensor],
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: WeightAverage,
) -> None:
    """Put a collected state back."""
    network.load_state_dict(_under("network.", tensors))
    average.load(_under("average.", tensors))
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _under("optimiser.", tensors).items():
        number, key = name.split(".", 1)
        state.setdefault(int(number), {})[key] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    set_random_state(tensors)


def random_state() -> dict[str, Tensor]:
    """The state of the generators that dropout draws from, under one name each."""
    state = {"random.cpu": torch.get_rng_state()}
    return state | ({"random.cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})


def set_random_state(tensors: Mapping[str, Tensor]) -> None:
    """Let dropout go on drawing from a stored state."""
    torch.set_rng_state(tensors["random.cpu"])
    if torch.cuda.is_available() and "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _places(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*"))


def _forget_others(folder: Path, saved: Path) -> None:
    places = _places(folder)
    now = places.index(saved)
    for other in places[: max(0, now + 1 - KEPT)] + places[now + 1 :]:
        shutil.rmtree(other)


def _digest(state: bytes, facts: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(state)
    digest.update(json.dumps(facts, sort_keys=True).encode())
    return digest.hexdigest()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
