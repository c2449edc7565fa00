import torch
from hypothesis import given
from hypothesis import strategies as st

from psp.train.doubt import Doubt

LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
SURE = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def noted(limit: float, *opinions: list[list[float]]) -> list[bool]:
    doubt = Doubt(LABELS, 3, limit)
    for opinion in opinions:
        doubt.note(torch.tensor(opinion))
    doubt.decide()
    return doubt.trusted.tolist()


def test_a_label_is_doubted_if_another_class_is_much_likelier():
    opinion = [[0.2, 0.5, 0.3], [0.3, 0.4, 0.3], [0.1, 0.6, 0.3], *SURE]
    assert noted(0.5, opinion)[:3] == [False, True, True]
    assert noted(0.3, opinion)[:3] == [True, True, True]
    assert noted(1.0, opinion)[:3] == [False, True, False]


def test_opinions_are_averaged():
    certain, unsure = [*[[1.0, 0.0, 0.0]] * 3, *SURE], [*[[0.2, 0.4, 0.4]] * 3, *SURE]
    assert noted(0.5, certain)[:3] == [True, False, False]
    assert noted(0.5, certain, unsure, unsure, unsure, unsure)[:3] == [True, True, True]


def test_a_class_is_not_left_without_labels():
    opinion = [*[[0.0, 1.0, 0.0]] * 3, *[[0.0, 1.0, 0.0]] * 2, [0.0, 0.0, 1.0]]
    assert noted(0.5, opinion) == [True, True, False, True, True, True]


def test_without_opinions_all_labels_are_trusted():
    assert all(noted(1.0))


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=6, max_size=6))
def test_a_limit_of_nothing_trusts_all(opinion: list[list[float]]):
    assert all(noted(0.0, opinion))
