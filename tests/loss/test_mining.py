"""Losses on similarities with a memory bank: reduction to InfoNCE, and direct evaluation of the formulas."""

import pytest
import torch
import torch.nn.functional as F

from psp.loss.info_nce import info_nce
from psp.loss.mining import multi_positive, nearest, positive_enhanced, pull_push, similarity_distillation


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=draw, dtype=torch.float64), dim=-1)


QUERY, KEY, BANK = unit(4, 6), unit(4, 6, seed=1), unit(9, 6, seed=2)
NONE = torch.zeros(4, 9, dtype=torch.bool)


def test_without_mined_positives_it_is_info_nce():
    torch.testing.assert_close(multi_positive(QUERY, KEY, BANK, NONE, 0.2), info_nce(QUERY, KEY, BANK, 0.2))


def test_every_mined_positive_counts_as_much_as_the_key():
    mined = nearest(KEY @ BANK.T, 2)
    assert mined.sum(1).tolist() == [2] * 4
    total = torch.zeros((), dtype=torch.float64)
    for clip in range(4):
        logits = torch.cat([(QUERY[clip] @ KEY[clip])[None], BANK @ QUERY[clip]]) / 0.2
        logs = logits - logits.exp().sum().log()
        chosen = [0, *(1 + int(entry) for entry in mined[clip].nonzero()[:, 0])]
        total -= sum(logs[each] for each in chosen) / 3
    torch.testing.assert_close(multi_positive(QUERY, KEY, BANK, mined, 0.2), total / 4)


def test_the_nearest_entries_are_those_of_largest_similarity():
    similarity = torch.tensor([[0.1, 0.9, 0.5], [0.7, 0.2, 0.3]])
    assert nearest(similarity, 1).tolist() == [[False, True, False], [True, False, False]]
    assert not nearest(similarity, 0).any()
    assert nearest(similarity, 7).all()


def test_distillation_is_the_divergence_over_the_nearest_entries():
    teacher, student = KEY @ BANK.T, (QUERY @ BANK.T).requires_grad_()
    total = torch.zeros((), dtype=torch.float64)
    for clip in range(4):
        order = teacher[clip].argsort(descending=True)[:5]
        p, q = (teacher[clip][order] / 0.05).softmax(0), (student[clip][order] / 0.1).softmax(0)
        total = total + (p * (p / q).log()).sum()
    found = similarity_distillation(teacher, student, 0.05, 0.1, 5)
    torch.testing.assert_close(found, total / 4)
    assert float(similarity_distillation(teacher, teacher / 2, 0.1, 0.05, 9)) == pytest.approx(0, abs=1e-12)


def test_mined_positives_raise_the_probability_of_their_group():
    target, student = KEY @ BANK.T, (QUERY @ BANK.T).requires_grad_()
    plain = -((target / 0.05).softmax(1) * (student / 0.1).log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(positive_enhanced(target, student, NONE, (0.05, 0.1)), plain)
    mined = nearest(target, 3)
    share = ((target / 0.05).softmax(1) * mined).sum(1)
    group = ((student / 0.1).softmax(1) * mined).sum(1).log()
    torch.testing.assert_close(positive_enhanced(target, student, mined, (0.05, 0.1)), plain - (share * group).mean())


def test_pull_push_of_equal_and_orthogonal_features():
    one = torch.eye(3, dtype=torch.float64)
    assert float(pull_push(one, one, one)) == -1.0
    same = one[:1].expand(3, -1)
    assert float(pull_push(same, same, same)) == 0.0, "collapsed features gain nothing"
    assert float(pull_push(one[:1], one[:1], one[:1])) == -1.0
