import pytest
import torch

from psp.errors import CheckpointError
from psp.model.psp import PSPNetwork
from psp.skeleton.kinect20 import KINECT20
from psp.train import state
from psp.train.average import WeightAverage
from psp.train.optim import OptimConfig, make_optimiser
from psp.train.state import collect, load_checkpoint, newest_step, restore, save_checkpoint
from runs import SMALL_RUN


def parts(kind: str):
    torch.manual_seed(0)
    network = PSPNetwork(KINECT20, 8, 4, SMALL_RUN.model)
    return network, make_optimiser(network, OptimConfig(kind)), WeightAverage(network, 0.9)


def steps(network, optimiser, average, count: int) -> None:
    for step in range(count):
        optimiser.zero_grad()
        views = torch.randn(4, 1, 8, 20, 3)
        network.classify(network.encode(views, torch.ones(4, 1, dtype=torch.bool))).square().mean().backward()
        optimiser.step()
        average.update(step)


@pytest.mark.parametrize("kind", ["sgd", "adamw", "muon"])
def test_restored_training_goes_on_bit_for_bit(tmp_path, kind):
    first = parts(kind)
    assert (kind == "muon") == any("momentum" in group for group in first[1].param_groups[:1] if kind != "sgd")
    steps(*first, 3)
    save_checkpoint(tmp_path, 3, collect(*first), {"note": "x"})
    steps(*first, 3)
    second = parts(kind)
    tensors, facts = load_checkpoint(tmp_path)
    restore(tensors, *second)
    steps(*second, 3)
    assert facts["note"] == "x"
    assert facts["step"] == 3
    for name, value in first[0].state_dict().items():
        assert torch.equal(value, second[0].state_dict()[name])
        assert torch.equal(first[2].state[name], second[2].state[name])


def test_the_last_two_checkpoints_are_kept(tmp_path):
    for step in range(5):
        save_checkpoint(tmp_path, step, {"a": torch.tensor(step)}, {})
    assert [place.name for place in sorted(tmp_path.iterdir())] == ["000000003", "000000004"]


def test_a_damaged_later_checkpoint_takes_no_place(tmp_path):
    for step in (1, 9):
        save_checkpoint(tmp_path, step, {"a": torch.tensor(step)}, {})
    (tmp_path / "000000009" / "facts.json").write_text("")
    assert load_checkpoint(tmp_path)[1]["step"] == 1
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, {"a": torch.tensor(step)}, {})
        assert newest_step(tmp_path) == step
    assert [place.name for place in sorted(tmp_path.iterdir())] == ["000000002", "000000003"]


@pytest.mark.parametrize("damage", ["cut", "changed", "facts", "other facts", "no facts", "missing"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path, damage):
    for step in (1, 2):
        save_checkpoint(tmp_path, step, {"a": torch.full((50,), float(step))}, {"seconds": 1.5})
    tensors, facts = tmp_path / "000000002" / "state.safetensors", tmp_path / "000000002" / "facts.json"
    if damage == "cut":
        tensors.write_bytes(tensors.read_bytes()[:-10])
    elif damage == "changed":
        tensors.write_bytes(tensors.read_bytes()[:-1] + b"x")
    elif damage == "facts":
        facts.write_text('{"step": 2')
    elif damage == "other facts":
        facts.write_text(facts.read_text().replace('"seconds": 1.5', '"seconds": 1.6'))
    elif damage == "no facts":
        facts.write_text("[]")
    else:
        tensors.unlink()
    found_tensors, found = load_checkpoint(tmp_path)
    assert found["step"] == 1
    assert float(found_tensors["a"][0]) == 1


def test_without_a_readable_checkpoint_it_says_so(tmp_path):
    assert load_checkpoint(tmp_path) is None
    save_checkpoint(tmp_path, 1, {"a": torch.zeros(1)}, {})
    (tmp_path / "000000001" / "facts.json").write_text("")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_checkpoint(tmp_path)


def test_a_full_disk_is_an_operating_system_error_and_the_older_checkpoint_stays(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, 1, {"a": torch.zeros(1)}, {})

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state.os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        save_checkpoint(tmp_path, 2, {"a": torch.zeros(1)}, {})
    assert [place.name for place in tmp_path.iterdir()] == ["000000001"]
    assert newest_step(tmp_path) == load_checkpoint(tmp_path)[1]["step"] == 1
