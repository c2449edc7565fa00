import torch
from hypothesis import given
from hypothesis import strategies as st

from psp.model.encoded import Encoded, to_rows

masks = st.lists(st.sampled_from([(True, False), (False, True), (True, True)]), min_size=1, max_size=6)


def random_inputs(clips: int) -> torch.Tensor:
    return torch.randn(clips, 2, 4, 5, 3, generator=torch.Generator().manual_seed(clips))


@given(masks)
def test_rows_are_the_existing_persons(mask: list) -> None:
    persons = torch.tensor(mask)
    inputs = random_inputs(len(mask))
    rows, row_clip = to_rows(inputs, persons)
    assert row_clip.tolist() == [clip for clip, pair in enumerate(mask) for seen in pair if seen]
    assert torch.equal(rows, inputs[persons].permute(0, 3, 1, 2))


@given(masks)
def test_pooled_is_the_mean_over_a_clips_persons(mask: list) -> None:
    persons = torch.tensor(mask)
    inputs = random_inputs(len(mask)).double()
    pooled = Encoded(*to_rows(inputs, persons), clips=len(mask)).pooled()
    for clip, pair in enumerate(mask):
        assert torch.allclose(pooled[clip], inputs[clip, list(pair)].mean((0, 1, 2)))


@given(masks, st.data())
def test_split_pools_as_the_whole_does(mask: list, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(mask)))
    whole = Encoded(*to_rows(random_inputs(len(mask)), torch.tensor(mask)), clips=len(mask))
    pieces = whole.split([first, len(mask) - first])
    assert [piece.clips for piece in pieces] == [first, len(mask) - first]
    assert torch.equal(torch.cat([piece.pooled() for piece in pieces]), whole.pooled())


def test_gradients_flow_through_split_and_pooling() -> None:
    features = torch.randn(3, 4, 2, 5, requires_grad=True)
    encoded = Encoded(features, torch.tensor([0, 0, 1]), clips=2)
    encoded.split([1, 1])[1].pooled().sum().backward()
    assert not features.grad[:2].any()
    assert torch.allclose(features.grad[2], torch.tensor(0.1))
