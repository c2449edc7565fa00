import pytest
import torch
from torch import Tensor

from psp.batches.loader import Batch
from psp.errors import ConfigError
from psp.methods import encode
from psp.methods.encode import MemoryConfig, encode_views, number_of_chunks
from psp.methods.method import ObjectiveConfig
from psp.methods.methods import METHODS
from psp.model.encoder import EncoderConfig
from psp.model.psp import ModelConfig, PSPNetwork
from psp.skeleton.kinect20 import KINECT20


def batch(clips: int, seed: int, method: str = "psp") -> Batch:
    draw = torch.Generator().manual_seed(seed)
    views = {view: torch.randn(clips, 2, 8, 20, 3, generator=draw) for view in METHODS[method].views}
    persons = torch.tensor([[True, row % 2 == 0] for row in range(clips)])
    views = {name: view.double() for name, view in views.items()}
    return Batch(torch.arange(clips), torch.arange(clips) % 4, persons, views)


def network() -> PSPNetwork:
    torch.manual_seed(0)
    return PSPNetwork(KINECT20, 8, 4, ModelConfig(EncoderConfig(((4, 4, 2, 2), (4, 8, 2, 1)), heads=2))).double()


def learnt(net: PSPNetwork, method: str, memory: MemoryConfig) -> dict[str, Tensor]:
    """Losses, gradients and running statistics of a step on 5 labelled and 9 unlabelled clips."""
    objective = ObjectiveConfig(pseudo_label=1.0, confidence=0.26)
    result = METHODS[method].step(net, batch(5, 0, method), batch(9, 1, method), objective, memory)
    result.objective.backward()
    gradients = {name: weight.grad for name, weight in net.named_parameters() if weight.grad is not None}
    return (
        {"objective": result.objective.detach(), "logits": result.logits.detach()}
        | gradients
        | dict(net.named_buffers())
    )


def assert_same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_recomputing_blocks_changes_no_number(method):
    plain, found = (learnt(network().train(), method, MemoryConfig(recompute=again)) for again in (False, True))
    assert all(torch.equal(found[name], value) for name, value in plain.items())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "memory", [MemoryConfig(chunk=5), MemoryConfig(chunk=7, recompute=True), MemoryConfig(chunk=99)]
)
def test_chunks_give_the_gradients_of_a_plain_step_with_the_same_statistics(method, memory, monkeypatch):
    found = learnt(network().train(), method, memory)
    monkeypatch.setattr(encode, "recomputed", lambda function, *inputs, part: function(*inputs))
    assert_same(found, learnt(network().train(), method, MemoryConfig(chunk=memory.chunk)))


@pytest.mark.parametrize("method", METHODS)
def test_chunks_give_the_gradients_of_the_whole_batch_where_statistics_are_fixed(method):
    assert_same(
        learnt(network().eval(), method, MemoryConfig(chunk=4)), learnt(network().eval(), method, MemoryConfig())
    )


def test_a_chunk_in_training_has_its_own_statistics():
    whole, chunks = (learnt(network().train(), "psp", MemoryConfig(chunk=chunk)) for chunk in (0, 14))
    assert int(whole["encoder.input.norm.num_batches_tracked"]) == 1
    assert int(chunks["encoder.input.norm.num_batches_tracked"]) == 2
    assert not torch.equal(whole["objective"], chunks["objective"])


def test_no_rank_is_left_without_clips_in_a_chunk():
    assert number_of_chunks([7], 3) == 3
    assert number_of_chunks([4, 3], 2) == 2
    assert number_of_chunks([3, 2], 1) == 2
    assert number_of_chunks([5, 1], 2) == 1


def test_a_negative_chunk_is_refused():
    with pytest.raises(ConfigError, match="chunk"):
        MemoryConfig(chunk=-1)


@pytest.mark.parametrize("chunk", [0, 3])
def test_every_view_of_every_batch_comes_back_in_its_place(chunk):
    net = network().eval()
    batches = [batch(3, 0), batch(5, 1)]
    features = encode_views(net, batches, MemoryConfig(chunk=chunk))
    assert list(features) == ["joint", "motion"]
    for view, parts in features.items():
        for part, each in zip(parts, batches, strict=True):
            alone = net.encode(each.views[view], each.persons)
            assert torch.equal(part.row_clip, alone.row_clip)
            torch.testing.assert_close(part.features, alone.features)
            torch.testing.assert_close(net.classify(part), net.classify(alone))
