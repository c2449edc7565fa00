import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from psp.errors import CheckpointError
from psp.model.encoder import EncoderConfig
from psp.model.presets import published_model
from psp.model.psp import ModelConfig, PSPNetwork
from psp.model.published import import_published, published_name
from psp.skeleton.layouts import LAYOUTS

NTU25 = LAYOUTS["ntu25"]
ENCODER = EncoderConfig(((8, 8, 2, 1), (8, 16, 4, 2), (16, 16, 4, 1)), heads=2)
CONFIGS = {
    "psp": replace(published_model(), encoder=ENCODER),
    "dsta": replace(published_model(), encoder=replace(ENCODER, temporal="attention"), levels=()),
    "dsta with map": replace(
        published_model(), encoder=replace(ENCODER, temporal="attention", temporal_map=True), levels=()
    ),
}


def network(config: ModelConfig = CONFIGS["psp"]) -> PSPNetwork:
    torch.manual_seed(0)
    return PSPNetwork(NTU25, 16, 6, config).eval()


def published_state(ours: PSPNetwork) -> dict[str, Tensor]:
    state = {published_name(name): value for name, value in ours.state_dict().items()}
    for block, frames in enumerate((16, 16, 8)):
        state[f"graph_layers.{block}.pes.pe"] = torch.zeros(1, 8, frames, 25)
        state[f"graph_layers.{block}.atts"] = torch.zeros(1, 2, 25, 25)
    return state


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize(
    "wrap",
    [
        dict,
        lambda state: {"model": state, "epoch": 3},
        lambda state: {"state_dict": {f"module.{name}": value for name, value in state.items()}},
    ],
)
def test_a_torch_checkpoint_gives_the_same_outputs(tmp_path: Path, config: ModelConfig, wrap: Callable) -> None:
    ours = network(config)
    torch.save(wrap(published_state(ours)), tmp_path / "best.pth")
    again = import_published(tmp_path / "best.pth", NTU25)
    assert (again.config, again.frames, again.classes) == (config, 16, 6)
    x, persons = torch.randn(2, 2, 16, 25, 3), torch.ones(2, 2, dtype=torch.bool)
    assert torch.equal(again(x, -x, persons), ours(x, -x, persons))


def test_safetensors_are_read_too(tmp_path: Path) -> None:
    ours = network()
    save_file(published_state(ours), tmp_path / "best.safetensors")
    again = import_published(tmp_path / "best.safetensors", NTU25)
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in again.state_dict().items())


def test_the_names_are_the_published_ones() -> None:
    names = {published_name(name) for name in network().state_dict()}
    block = "in_nets|out_nets|ff_nets|downs[12]|out_nett|downt2|alphas|attention0s"
    expected = rf"(input_map|graph_layers\.\d\.({block})"
    expected += r"|att_(b|pb|jpb)\.(in_nets|ff_nets)|mlp|fc)(\.[012])?(\.\w+)?"
    assert all(re.fullmatch(expected, name) for name in names)
    assert len(names) == len(network().state_dict())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("graph_layers.1.downs1.0.bias"), r"misses graph_layers\.1\.downs1\.0\.bias"),
        (lambda state: state.pop("graph_layers.2.pes.pe"), r"misses graph_layers\.2\.pes\.pe"),
        (lambda state: state.update(decoder=torch.zeros(1)), "does not know decoder"),
        (lambda state: state.update({"mlp.0.bias": torch.zeros(3)}), r"another shape for mlp\.0\.bias"),
    ],
)
def test_unfitting_states_are_refused_by_name(tmp_path: Path, change: Callable, message: str) -> None:
    state = published_state(network())
    change(state)
    torch.save(state, tmp_path / "best.pth")
    with pytest.raises(CheckpointError, match=message):
        import_published(tmp_path / "best.pth", NTU25)


def test_another_skeleton_is_refused(tmp_path: Path) -> None:
    torch.save(published_state(network()), tmp_path / "best.pth")
    with pytest.raises(CheckpointError, match="25 joints"):
        import_published(tmp_path / "best.pth", LAYOUTS["kinect20"])


class Harmful:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.trace),)


def test_no_code_of_a_checkpoint_is_run(tmp_path: Path) -> None:
    torch.save({"model": Harmful(tmp_path / "trace")}, tmp_path / "best.pth")
    with pytest.raises(CheckpointError, match="more than weights"):
        import_published(tmp_path / "best.pth", NTU25)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_unreadable_files_are_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "best.pth").write_bytes(content)
    with pytest.raises(CheckpointError):
        import_published(tmp_path / "best.pth", NTU25)


def test_a_file_without_weights_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "best.pth")
    with pytest.raises(CheckpointError, match="no weights"):
        import_published(tmp_path / "best.pth", NTU25)
