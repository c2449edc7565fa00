import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from psp.batches.counter_rng import between, draw_keys, normal, uniform
from psp.dataset.clip_table import keys_of_ids


def keys_of(*ids: str) -> torch.Tensor:
    return torch.from_numpy(keys_of_ids(ids))


KEYS = draw_keys(keys_of(*(f"clip {number}" for number in range(2000))), seed=3, passes=1)


def splitmix(word: int) -> int:
    """The finaliser in Python's unbounded integers: an independent oracle for the shifts and the wrap-around."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
    return word ^ (word >> 31)


@given(st.integers(-(2**63), 2**63 - 1))
def test_mixing_is_splitmix64(word):
    from psp.batches.counter_rng import _mix

    assert int(_mix(torch.tensor([word]))[0]) % 2**64 == splitmix(word % 2**64)


def test_uniform_numbers_are_uniform():
    drawn = uniform(KEYS, "test", 50).numpy()
    assert drawn.min() >= 0
    assert drawn.max() < 1
    counts = np.histogram(drawn, bins=20, range=(0, 1))[0]
    assert ((counts - 5000) ** 2 / 5000).sum() < 60  # chi-squared with 19 degrees of freedom
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 0.08
    assert abs(np.corrcoef(drawn[1:, 0], drawn[:-1, 0])[0, 1]) < 0.08


def test_normal_numbers_have_the_moments_of_a_normal():
    drawn = normal(KEYS, "test", 50)
    assert drawn.isfinite().all()
    assert abs(float(drawn.mean())) < 0.01
    assert abs(float(drawn.std()) - 1) < 0.01
    assert abs(float((drawn**4).mean()) - 3) < 0.1


def test_a_number_depends_on_its_own_key_only():
    alone = uniform(KEYS[7:8], "test", 3, 4)
    assert torch.equal(alone[0], uniform(KEYS, "test", 3, 4)[7])


def test_purpose_seed_pass_and_clip_all_matter():
    keys = keys_of("a", "b")
    first = uniform(draw_keys(keys, 0, 0), "x")
    others = [
        uniform(draw_keys(keys, 0, 0), "y"),
        uniform(draw_keys(keys, 1, 0), "x"),
        uniform(draw_keys(keys, 0, 1), "x"),
        uniform(draw_keys(keys.flip(0), 0, 0), "x"),
    ]
    assert all((first != other).all() for other in others)


def test_passes_may_differ_within_a_batch():
    keys = keys_of("a", "a")
    mixed = draw_keys(keys, 5, torch.tensor([2, 9]))
    assert mixed[0] == draw_keys(keys[:1], 5, 2)[0]
    assert mixed[1] == draw_keys(keys[:1], 5, 9)[0]


def test_between_keeps_its_bounds():
    drawn = between(KEYS, "test", -2.0, 3.0)
    assert -2 <= float(drawn.min()) < -1.9
    assert 2.9 < float(drawn.max()) < 3
