"""Numbers recorded from the published programs: whole, or as the small files of this folder.

A small file lacks what can be computed: inputs are drawn again from their seed, tables of constants are zeros of the
recorded shape, and an output of more than `WHOLE` numbers is replaced by random projections.
"""

import json
import lzma
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float
from safetensors import safe_open
from safetensors.torch import load
from torch import Tensor

HERE = Path(__file__).parent
FULL = Path(os.environ.get("PSP_REFERENCE", HERE.parents[1] / "../shared/reference"))
SMALL_SUFFIX = ".small.xz"
PROJECTED = " (projected)"
PROJECTIONS = 16
WHOLE = 16
"""Outputs of so many numbers are stored as they are."""


@dataclass(frozen=True, eq=False)
class Recording:
    """Tensors by the names of the published program, and the settings of its network."""

    metadata: dict[str, str]
    numbers: dict[str, Tensor]

    def below(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors whose names start with `prefix`, without it."""
        return {name.removeprefix(prefix): x for name, x in self.numbers.items() if name.startswith(prefix)}

    def outputs(self, prefix: str) -> set[str]:
        """Return the names of the outputs below `prefix`, whole or projected."""
        return {name.removesuffix(PROJECTED) for name in self.below(prefix)}

    def assert_close(self, name: str, ours: Tensor, *, rtol: float = 0, atol: float = 1e-9) -> None:
        """Compare `ours` with output `name`; without `rtol`, `atol` is relative to the largest number above 1."""
        if name not in self.numbers:
            name, ours = name + PROJECTED, project(ours)
        theirs = self.numbers[name]
        atol = atol if rtol else atol * max(1.0, theirs.abs().max().item())
        torch.testing.assert_close(ours, theirs, rtol=rtol, atol=atol, msg=lambda text: f"{name}: {text}")


@cache
def read(path: Path) -> Recording:
    """Return the recording of a whole (.safetensors) or a small file."""
    if not path.name.endswith(SMALL_SUFFIX):
        with safe_open(path, framework="pt") as file:
            return Recording(file.metadata(), {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    content = lzma.decompress(path.read_bytes())
    size = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + size])["__metadata__"]
    numbers = {name: x.double() if x.is_floating_point() else x for name, x in load(content).items()}
    constants = {name: torch.zeros(shape) for name, shape in json.loads(metadata["constants"]).items()}
    return Recording(metadata, {**numbers, **constants, **drawn_inputs(json.loads(metadata["inputs"]))})


def recordings(program: str) -> list:
    """Return pytest parameters of all recordings of a program: the small one, and the whole ones where they are."""
    small, whole = HERE.glob(f"{program}_*{SMALL_SUFFIX}"), FULL.glob(f"{program}_*.safetensors")
    return [pytest.param(path, id=path.name) for path in (*sorted(small), *sorted(whole))]


def drawn_inputs(recipe: dict) -> dict[str, Tensor]:
    """Return the inputs of a recording: consecutive standard normal numbers, zeros for absent persons."""
    shapes = {name: tuple(shape) for name, shape in recipe["shapes"].items()}
    counts = [prod(shape) for shape in shapes.values()]
    parts = normal_numbers(recipe["seed"], recipe["first_word"], counts)
    inputs = {name: x.reshape(shape) for (name, shape), x in zip(shapes.items(), parts, strict=True)}
    for name, clip, person in recipe["absent"]:
        inputs[name][clip, ..., person] = 0
    return inputs


def normal_numbers(seed: int, first_word: int, counts: Sequence[int]) -> tuple[Float[Tensor, "_"], ...]:
    """Return what torch.randn draws on a CPU in double precision, to the last bits.

    From word `first_word` on, the Mersenne twister's words in pairs are 53-bit fractions; in every 16 of them the first
    8 are radii and the last 8 angles of the Box-Muller transform. NumPy promises never to change this generator.
    """
    words = np.frombuffer(np.random.RandomState(seed).bytes(4 * (first_word + 2 * sum(counts))), "<u4")
    high, low = words[first_word:].astype(np.uint64).reshape(-1, 2).T
    fraction = ((high << np.uint64(32) | low) & np.uint64(2**53 - 1)) / 2**53
    radius, angle = fraction.reshape(-1, 2, 8).swapaxes(0, 1)
    radius, angle = np.sqrt(-2 * np.log1p(-radius)), 2 * np.pi * angle
    normal = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return torch.from_numpy(normal.reshape(-1)).split(list(counts))


def project(x: Tensor) -> Float[Tensor, "k"]:
    """Return `PROJECTIONS` random weighted sums of x, each about as large as one of its numbers."""
    return _weights(x.numel()) @ x.detach().double().flatten()


@cache
def _weights(size: int) -> Float[Tensor, "k size"]:
    return torch.from_numpy(np.random.RandomState(0).standard_normal((PROJECTIONS, size)) / size**0.5)
