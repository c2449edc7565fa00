import pytest
import torch
from torch import Tensor, nn

from psp.errors import ConfigError
from psp.model import memory
from psp.model.backbone import ModelConfig
from psp.model.encoder import EncoderBlock, EncoderConfig
from psp.model.memory import MemoryConfig, number_of_chunks, recomputed, recomputing, statistics_kept
from psp.model.predictor import Predictor, make_predictor
from psp.skeleton.catalogue import layout_by_name
from samples import random_sample


def block() -> EncoderBlock:
    torch.manual_seed(0)
    return EncoderBlock((4, 8, 2, 2), EncoderConfig(heads=2), joints=5, frames=6).train()


def rows() -> Tensor:
    return torch.randn(3, 4, 6, 5, generator=torch.Generator().manual_seed(1))


def learnt(part: EncoderBlock, y: Tensor, x: Tensor) -> list[Tensor]:
    y.square().sum().backward()
    return [y.detach(), x.grad, *(weight.grad for weight in part.parameters()), *part.buffers()]


def bytes_kept(compute) -> int:
    """How much a computation leaves for the way back."""
    kept = 0

    def pack(tensor: Tensor) -> Tensor:
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        compute()
    return kept


def test_values_gradients_and_statistics_are_the_same_to_the_last_bit():
    plain, again, around = block(), block(), block()
    x, y, z = (rows().requires_grad_() for _ in range(3))
    expected = learnt(plain, plain(x), x)
    with recomputing([around]):
        found = around(z)
    for part, values in (
        (again, learnt(again, recomputed(again, y, part=again), y)),
        (around, learnt(around, found, z)),
    ):
        assert len(values) == len(expected)
        assert all(torch.equal(value, wanted) for value, wanted in zip(values, expected, strict=True))
        assert "forward" not in vars(part)


def test_only_the_input_is_kept():
    part, x = block(), rows().requires_grad_()
    assert bytes_kept(lambda: recomputed(part, x, part=part)) <= x.numel() * 4 < bytes_kept(lambda: part(x)) / 5


def test_nesting_changes_nothing():
    plain, nested = block(), block()
    x, y = rows().requires_grad_(), rows().requires_grad_()

    def inside(x: Tensor) -> Tensor:
        with recomputing([nested.spatial, nested.temporal]):
            return nested(x)

    pairs = zip(learnt(plain, plain(x), x), learnt(nested, recomputed(inside, y, part=nested), y), strict=True)
    assert all(torch.equal(wanted, value) for wanted, value in pairs)


def test_statistics_are_kept_even_if_something_fails():
    norm = nn.BatchNorm2d(4)

    def fail() -> None:
        with statistics_kept(norm):
            norm(torch.full((2, 4, 1, 1), float("nan")))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert torch.equal(norm.running_mean, torch.zeros(4))
    assert int(norm.num_batches_tracked) == 0


def predictor() -> Predictor:
    torch.manual_seed(0)
    config = ModelConfig(EncoderConfig(((4, 4, 2, 2), (4, 8, 2, 1)), heads=2))
    return make_predictor(layout_by_name("kinect20"), 8, 4, config, ("joint", "motion"), "sum").double()


def step(net: Predictor, config: MemoryConfig) -> dict[str, Tensor]:
    """A loss, its gradients and running statistics on 5 and 9 clips."""
    features = net.encode([random_sample(5), random_sample(9)], config)
    logits = torch.cat(
        [net.classify({name: parts[sample] for name, parts in features.items()}) for sample in (0, 1)], 1
    )
    contrast = features["joint"][1].pooled() @ features["motion"][1].pooled().T
    loss = logits.logsumexp(2).sum() + contrast.logsumexp(1).sum()
    loss.backward()
    found = {"loss": loss.detach(), "logits": logits.detach()} | dict(net.named_buffers())
    return found | {f"gradient of {name}": weight.grad for name, weight in net.named_parameters()}


def assert_same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-12)


def test_recomputing_blocks_changes_no_number():
    plain, found = (step(predictor().train(), MemoryConfig(recompute=again)) for again in (False, True))
    assert all(torch.equal(found[name], value) for name, value in plain.items())


@pytest.mark.parametrize(
    "config", [MemoryConfig(chunk=5), MemoryConfig(chunk=7, recompute=True), MemoryConfig(chunk=99)]
)
def test_chunks_give_the_gradients_of_a_plain_step_with_the_same_statistics(config, monkeypatch):
    found = step(predictor().train(), config)
    monkeypatch.setattr(memory, "recomputed", lambda function, *inputs, part: function(*inputs))
    assert_same(found, step(predictor().train(), MemoryConfig(chunk=config.chunk)))


def test_chunks_give_the_gradients_of_the_whole_batch_where_statistics_are_fixed():
    assert_same(step(predictor().eval(), MemoryConfig(chunk=4)), step(predictor().eval(), MemoryConfig()))


def test_a_chunk_in_training_has_its_own_statistics():
    whole, chunks = (step(predictor().train(), MemoryConfig(chunk=chunk)) for chunk in (0, 14))
    name = "backbone.encoders.0.input.norm.num_batches_tracked"
    assert (int(whole[name]), int(chunks[name])) == (1, 2)
    assert not torch.equal(whole["loss"], chunks["loss"])


@pytest.mark.parametrize(("shares", "chunk", "chunks"), [([7], 3, 3), ([4, 3], 2, 2), ([3, 2], 1, 2), ([5, 1], 2, 1)])
def test_no_rank_is_left_without_clips_in_a_chunk(shares, chunk, chunks):
    assert number_of_chunks(shares, chunk) == chunks


def test_a_negative_chunk_is_refused():
    with pytest.raises(ConfigError, match=r"runtime\.memory\.chunk: -1"):
        MemoryConfig(chunk=-1)


def test_chunks_come_back_in_their_order():
    net, sample = predictor().eval(), random_sample(7)
    plain, chunked = (net.encode([sample], MemoryConfig(chunk=chunk))["motion"][0] for chunk in (0, 3))
    assert torch.equal(chunked.row_clip, plain.row_clip)
    torch.testing.assert_close(chunked.features, plain.features)
