import torch
from hypothesis import given
from hypothesis import strategies as st

from psp.loss.memory_bank import MemoryBank


@given(st.lists(st.integers(1, 12), max_size=6))
def test_the_bank_holds_the_latest_features_of_each_modality(batches: list[int]) -> None:
    bank, history = MemoryBank(2, 5, 3), torch.empty(2, 0, 3)
    for number, size in enumerate(batches):
        features = torch.randn(2, size, 3, generator=torch.Generator().manual_seed(number))
        bank.enqueue(features)
        history = torch.cat([history, features], dim=1)
    for ours, latest in zip(bank.features, history[:, -5:], strict=True):
        held = {tuple(row) for row in ours.tolist() if any(row)}
        assert held == {tuple(row) for row in latest.tolist()}


def test_the_bank_wraps_around_and_overwrites_the_oldest() -> None:
    bank = MemoryBank(1, 4, 1)
    bank.enqueue(torch.tensor([[[1.0], [2.0], [3.0]]]))
    assert bank.features[0, :, 0].tolist() == [1, 2, 3, 0]
    bank.enqueue(torch.tensor([[[4.0], [5.0]]]))
    assert bank.features[0, :, 0].tolist() == [5, 2, 3, 4]


def test_the_bank_and_its_position_are_part_of_the_state() -> None:
    bank, again = MemoryBank(1, 4, 1), MemoryBank(1, 4, 1)
    bank.enqueue(torch.ones(1, 3, 1))
    again.load_state_dict(bank.state_dict())
    for each in (bank, again):
        each.enqueue(torch.tensor([[[7.0], [8.0]]]))
    assert torch.equal(again.features, bank.features)
    assert not list(bank.parameters())


def test_no_gradient_reaches_what_was_enqueued() -> None:
    bank, features = MemoryBank(1, 4, 2), torch.randn(1, 2, 2, requires_grad=True)
    bank.enqueue(features)
    assert not bank.features.requires_grad
