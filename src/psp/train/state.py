"""Saving and finding the state of a training run: complete checkpoints with their sha256, the last two kept."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from psp.data.write_store import sha256_of_file
from psp.errors import CheckpointError
from psp.train.average import WeightAverage

KEPT = 2


def save_checkpoint(folder: Path, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint of `step`: tensors, JSON facts and the hash of the tensors; then forget older ones."""
    place, temporary = folder / f"{step:09d}", folder / f".writing-{step:09d}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        save_file({name: value.contiguous() for name, value in tensors.items()}, temporary / "state.safetensors")
        _sync(temporary / "state.safetensors")
        facts = {"step": step, "sha256": sha256_of_file(temporary / "state.safetensors"), **facts}
        (temporary / "facts.json").write_text(json.dumps(facts))
        _sync(temporary / "facts.json")
        shutil.rmtree(place, ignore_errors=True)
        temporary.rename(place)
        _sync(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for old in sorted(folder.glob("[0-9]*"))[:-KEPT]:
        shutil.rmtree(old)


def load_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read the newest checkpoint that is whole; None if there never was one, CheckpointError if all are damaged."""
    places = sorted(folder.glob("[0-9]*"), reverse=True)
    for place in places:
        try:
            facts = json.loads((place / "facts.json").read_text())
            if sha256_of_file(place / "state.safetensors") == facts["sha256"]:
                with safe_open(place / "state.safetensors", framework="pt") as file:
                    return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118
        except (OSError, ValueError, KeyError, SafetensorError):
            continue
    if places:
        remedy = "Start the run again in a new folder."
        raise CheckpointError("no checkpoint is readable.", where=str(folder), remedy=remedy)
    return None


def collect(network: nn.Module, optimiser: torch.optim.Optimizer, average: WeightAverage) -> dict[str, Tensor]:
    """Everything that the next step depends on, under one name each."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state.items()}
    for number, values in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in values.items() if value is not None}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    return tensors


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
    torch.set_rng_state(tensors["random.cpu"])
    if torch.cuda.is_available() and "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
