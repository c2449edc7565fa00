import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from psp.batches.sampler import Sampler
from stores import own_store

CLIPS = np.arange(0, 48, 2)
STORE = own_store(None)


def sampler(size: int = 8, seed: int = 0, name: str = "labelled", clips: np.ndarray = CLIPS) -> Sampler:
    return Sampler(STORE, clips, size, seed, name)


def test_every_pass_is_another_permutation_of_all_clips():
    order = sampler()
    passes = [torch.cat([order.draw(step).index for step in range(3 * n, 3 * n + 3)]) for n in range(4)]
    assert all(sorted(index.tolist()) == CLIPS.tolist() for index in passes)
    assert len({tuple(index.tolist()) for index in passes}) == 4


@settings(max_examples=25)
@given(st.integers(1, 60), st.integers(1, 24), st.integers(0, 6))
def test_clips_come_equally_often_whatever_the_size_of_a_draw(size, clips, steps):
    order = sampler(size, clips=CLIPS[:clips])
    drawn = torch.cat([order.draw(step).index for step in range(steps + 1)])
    counts = np.bincount(drawn.numpy(), minlength=48)[CLIPS[:clips]]
    assert len(drawn) == size * (steps + 1)
    assert counts.max() - counts.min() <= 1


def test_a_draw_depends_on_the_step_alone():
    walked = sampler(7)
    for step in range(9):
        walked.draw(step)
    jumped = sampler(7).draw(9)
    assert torch.equal(walked.draw(9).index, jumped.index)
    assert torch.equal(walked.draw(9).keys, jumped.keys)


def test_a_draw_larger_than_the_clips_gives_repeated_clips_other_keys():
    assert len(set(sampler(12, clips=CLIPS[:5]).draw(0).keys.tolist())) == 12


def test_names_and_seeds_are_independent():
    draws = [sampler(24, *who).draw(0) for who in ((0, "a"), (0, "b"), (1, "a"))]
    assert len({tuple(draw.index.tolist()) for draw in draws}) == 3
    keys = [draw.keys[draw.index.argsort()] for draw in draws]
    assert all((keys[0] != other).all() for other in keys[1:])


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_shares_of_ranks_make_up_the_draw(ranks):
    draw = sampler().draw(0)
    shares = [draw.share(rank, ranks) for rank in range(ranks)]
    for name in ("index", "keys"):
        whole = torch.cat([getattr(share, name) for share in shares])
        assert sorted(whole.tolist()) == sorted(getattr(draw, name).tolist())
    assert max(len(share.index) for share in shares) - min(len(share.index) for share in shares) <= 1


def test_the_order_of_the_indices_does_not_matter_to_the_keys():
    """A key belongs to the clip, the seed and the pass."""
    forward, backward = sampler(24).draw(0), sampler(24, clips=CLIPS[::-1].copy()).draw(0)
    assert torch.equal(forward.keys[forward.index.argsort()], backward.keys[backward.index.argsort()])


def test_a_clip_that_is_named_twice_comes_twice_with_other_keys():
    twice = sampler(30, clips=np.concatenate([CLIPS[:10], CLIPS[:5]])).draw(0)
    assert sorted(twice.index.tolist()) == sorted([*CLIPS[:10].tolist() * 2, *CLIPS[:5].tolist() * 2])
    assert len(set(twice.keys.tolist())) == 30
