from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from psp.errors import CheckpointError
from psp.model.presets import paper_model
from psp.model.psp import PSPNetwork
from psp.model.weights import load_network, save_network
from psp.skeleton.layouts import LAYOUTS


def network() -> PSPNetwork:
    config = replace(paper_model("tiny"), levels=("part", "joint"), dropout=0.5)
    return PSPNetwork(LAYOUTS["kinect20"], 8, 5, config).eval()


def test_a_network_comes_back_as_it_was(tmp_path: Path) -> None:
    ours = network()
    save_network(tmp_path / "weights.safetensors", ours)
    again = load_network(tmp_path / "weights.safetensors")
    assert (again.layout, again.frames, again.classes, again.config) == (ours.layout, 8, 5, ours.config)
    x, persons = torch.randn(2, 1, 8, 20, 3), torch.ones(2, 1, dtype=torch.bool)
    assert torch.equal(again(x, x, persons), ours(x, x, persons))
    assert [path.name for path in tmp_path.iterdir()] == ["weights.safetensors"]


def test_other_weights_can_be_written(tmp_path: Path) -> None:
    ours = network()
    averaged = {name: torch.zeros_like(tensor) for name, tensor in ours.state_dict().items()}
    save_network(tmp_path / "average.safetensors", ours, averaged)
    assert not any(weight.any() for weight in load_network(tmp_path / "average.safetensors").parameters())


def test_unusable_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with pytest.raises(CheckpointError, match="missing or damaged"):
        load_network(path)
    save_network(path, network())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="missing or damaged"):
        load_network(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="does not describe"):
        load_network(path)
    with pytest.raises(CheckpointError, match="cannot be written"):
        save_network(tmp_path / "absent" / "weights.safetensors", network())
