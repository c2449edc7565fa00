"""Make the small files of this folder from the whole recordings.

cd tests && python -m reference.make_fixtures FOLDER
"""

import json
import lzma
import sys
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from reference.recording import HERE, PROJECTED, SMALL_SUFFIX, WHOLE, Recording, drawn_inputs, project, read

DRAWS = {"psp_small": (11, 2_066_660), "dstanet_temporal_small": (5, 213_992)}
"""Seed and first word of the inputs, found by trying seeds until the words of the first inputs turned up."""

CONSTANTS = (".pe", ".atts", ".attt")
COMPRESSION = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 1, "lp": 3, "pb": 3}]


def main(folder: Path) -> None:
    """Write one small file for each whole recording and check that nothing is lost."""
    for name, (seed, first_word) in DRAWS.items():
        recording, path = read(folder / f"{name}.safetensors"), HERE / (name + SMALL_SUFFIX)
        metadata, numbers = reduced(recording, seed, first_word)
        path.write_bytes(lzma.compress(save(numbers, metadata), filters=COMPRESSION))
        check(recording, read(path))
        sys.stdout.write(f"{path.name}: {path.stat().st_size} bytes\n")


def reduced(recording: Recording, seed: int, first_word: int) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return metadata and tensors of the small file."""
    inputs = {name: x for name, x in recording.numbers.items() if name.startswith("input") and x.dtype == torch.float64}
    absent = [
        (name, clip, person)
        for name, x in inputs.items()
        for clip, person in (x.abs().sum((1, 2, 3)) == 0).nonzero().tolist()
    ]
    shapes = {name: list(x.shape) for name, x in inputs.items()}
    recipe = {"seed": seed, "first_word": first_word, "shapes": shapes, "absent": absent}
    constants = {name: list(x.shape) for name, x in recording.numbers.items() if name.endswith(CONSTANTS)}
    numbers = {}
    for name, x in recording.numbers.items():
        if name.startswith("state."):
            if name not in constants:
                numbers[name] = exact(x)
        elif name not in inputs:
            key, value = (name, x) if x.numel() <= WHOLE else (name + PROJECTED, project(x))
            numbers[key] = value
    extra = {"inputs": json.dumps(recipe), "constants": json.dumps(constants)}
    return recording.metadata | extra, numbers


def exact(x: Tensor) -> Tensor:
    """Return x in single precision where that changes no number."""
    return x.float() if x.is_floating_point() and torch.equal(x.float().double(), x) else x


def check(whole: Recording, small: Recording) -> None:
    """Raise AssertionError unless weights are equal, inputs equal to the last bits and outputs close."""
    inputs = drawn_inputs(json.loads(small.metadata["inputs"]))
    for name, x in whole.numbers.items():
        if name in inputs:
            torch.testing.assert_close(inputs[name], x, rtol=1e-14, atol=1e-15)
        elif name.startswith("state.") and not name.endswith(CONSTANTS):
            assert torch.equal(small.numbers[name], x), name
        elif not name.startswith("state."):
            small.assert_close(name, x, atol=1e-14)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
