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
from psp.model.predictor import Predictor, make_predictor
from psp.model.presets import published_model
from psp.model.published import describe, import_published, published_name, read_checkpoint
from psp.model.pyramid_head import PyramidHead
from psp.skeleton.catalogue import layout_by_name
from samples import random_sample

NTU25 = layout_by_name("ntu25")
ENCODER = EncoderConfig(((8, 8, 2, 1), (8, 16, 4, 2), (16, 16, 4, 1)), heads=2)
MODEL, PYRAMID = replace(published_model()[0], encoder=ENCODER), published_model()[1]
CASES = {
    "psp": (MODEL, PYRAMID),
    "dsta": (replace(MODEL, encoder=replace(ENCODER, temporal="attention")), None),
    "dsta with map": (replace(MODEL, encoder=replace(ENCODER, temporal="attention", temporal_map=True)), None),
}
Network = tuple[Predictor, PyramidHead | None]


def network(case: str = "psp") -> Network:
    torch.manual_seed(0)
    model, pyramid = CASES[case]
    predictor = make_predictor(NTU25, 16, 6, model, ("joint", "motion"), "sum").eval()
    return predictor, None if pyramid is None else PyramidHead(NTU25, 16, model.encoder, pyramid).eval()


def own_state(ours: Network) -> dict[str, Tensor]:
    return {name: value for part in ours if part is not None for name, value in part.state_dict().items()}


def published_state(ours: Network) -> dict[str, Tensor]:
    state = {published_name(name): value for name, value in own_state(ours).items()}
    for block, frames in enumerate((16, 16, 8)):
        state[f"graph_layers.{block}.pes.pe"] = torch.zeros(1, 8, frames, 25)
        state[f"graph_layers.{block}.atts"] = torch.zeros(1, 2, 25, 25)
    return state


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "wrap",
    [
        dict,
        lambda state: {"model": state, "epoch": 3},
        lambda state: {"state_dict": {f"module.{name}": value for name, value in state.items()}},
    ],
)
def test_a_torch_checkpoint_gives_the_same_outputs(tmp_path: Path, case: str, wrap: Callable) -> None:
    ours, head = network(case)
    torch.save(wrap(published_state((ours, head))), tmp_path / "best.pth")
    found = describe(read_checkpoint(tmp_path / "best.pth"))
    assert (found.model, found.pyramid, found.joints, found.frames, found.classes) == (*CASES[case], 25, 16, 6)
    again, its_head = import_published(tmp_path / "best.pth", NTU25)
    assert (again.fusion, again.modalities) == ("sum", ("joint", "motion"))
    sample = random_sample(frames=16, joints=25)
    sample = replace(sample, modalities={name: values.float() for name, values in sample.modalities.items()})
    assert torch.equal(again(sample), ours(sample))
    if head is not None:
        encoded = ours.encode([sample])["motion"][0]
        projected, expected = its_head(encoded), head(encoded)
        assert all(torch.equal(projected[level], features) for level, features in expected.items())
    assert (head is None) == (its_head is None)


def test_safetensors_are_read_too(tmp_path: Path) -> None:
    ours = network()
    save_file(published_state(ours), tmp_path / "best.safetensors")
    again = own_state(import_published(tmp_path / "best.safetensors", NTU25))
    assert again.keys() == own_state(ours).keys()
    assert all(torch.equal(again[name], value) for name, value in own_state(ours).items())


def test_the_names_are_the_published_ones() -> None:
    names = {published_name(name) for name in own_state(network())}
    block = "in_nets|out_nets|ff_nets|downs[12]|out_nett|downt2|alphas|attention0s"
    expected = rf"(input_map|graph_layers\.\d\.({block})"
    expected += r"|att_(b|pb|jpb)\.(in_nets|ff_nets)|mlp|fc)(\.[012])?(\.\w+)?"
    assert all(re.fullmatch(expected, name) for name in names)
    assert len(names) == len(own_state(network()))


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
        import_published(tmp_path / "best.pth", layout_by_name("kinect20"))


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
    with pytest.raises(CheckpointError, match="does not hold the weights"):
        import_published(tmp_path / "best.pth", NTU25)
