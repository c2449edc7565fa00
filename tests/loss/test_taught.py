import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from psp.loss.taught import aligned, taught

LOGITS = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))


def test_certain_beliefs_are_labels():
    labels = torch.tensor([0, 1, 2, 3, 0])
    certain = F.one_hot(labels, 4).float()
    torch.testing.assert_close(taught(LOGITS, certain, 2.0), F.cross_entropy(LOGITS, labels))


def test_unsharpened_beliefs_are_taught_best_by_themselves():
    beliefs = LOGITS.softmax(dim=1)
    entropy = -(beliefs * beliefs.log()).sum(dim=1).mean()
    torch.testing.assert_close(taught(LOGITS, beliefs, 1.0), entropy)


def test_sharp_beliefs_approach_the_likeliest_class():
    expected = F.cross_entropy(LOGITS, LOGITS.argmax(dim=1))
    torch.testing.assert_close(taught(LOGITS, LOGITS.softmax(dim=1), 100.0), expected, rtol=1e-3, atol=1e-3)


def test_beliefs_that_agree_with_their_mean_become_even():
    beliefs = torch.tensor([[0.7, 0.2, 0.1]]).expand(6, 3)
    torch.testing.assert_close(aligned(beliefs, beliefs.mean(dim=0)), torch.full((6, 3), 1 / 3))


@given(st.integers(0, 1000))
def test_even_beliefs_stay_as_they_are(seed):
    beliefs = torch.rand(3, 4, generator=torch.Generator().manual_seed(seed)).softmax(dim=1)
    cycled = torch.stack([beliefs.roll(shift, 1) for shift in range(4)]).flatten(0, 1)
    torch.testing.assert_close(aligned(cycled, cycled.mean(dim=0)), cycled)
