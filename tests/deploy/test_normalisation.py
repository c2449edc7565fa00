"""The tensor operations against the NumPy normalisation of each clip alone."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from psp.preprocess.normalise import NORMALISATIONS, NormaliseConfig, normalise
from psp.deploy.normalisation import Normalisation, first_true, turn_to_x, turn_to_z
from psp.skeleton.layouts import LAYOUTS

KINDS = [
    *NORMALISATIONS.values(),
    *itertools.starmap(
        NormaliseConfig,
        itertools.product(("first-frame", "every-frame"), ("first-spine",), ("none", "first-frame"), ("first-frame",)),
    ),
]


def batch(seed: int, clips: int = 4) -> tuple[torch.Tensor, list[np.ndarray], torch.Tensor]:
    """Padded clips, the clips themselves, and where they lie; what is outside is not zero."""
    draw = np.random.default_rng(seed)
    joints = draw.normal(0, 1, (clips, 3, 9, 25, 3)) + 2
    frames, persons = draw.integers(1, 10, clips), draw.integers(1, 4, clips)
    joints[draw.random(joints.shape[:4]) < 0.1] = 0
    joints[draw.random(joints.shape[:3]) < 0.3] = 0
    inside = np.zeros(joints.shape[:3], dtype=bool)
    for row, (m, t) in enumerate(zip(persons, frames, strict=True)):
        inside[row, :m, :t] = True
    own = [joints[row, :m, :t] for row, (m, t) in enumerate(zip(persons, frames, strict=True))]
    return torch.from_numpy(joints), own, torch.from_numpy(inside)


@pytest.mark.parametrize("kind", KINDS, ids=repr)
@settings(max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_every_clip_of_a_batch_is_normalised_as_it_would_be_alone(kind: NormaliseConfig, seed: int):
    joints, own, inside = batch(seed)
    found = Normalisation(LAYOUTS["ntu25"], kind)(joints, inside)
    for row, clip in enumerate(own):
        if clip.any():
            expected = normalise(clip, LAYOUTS["ntu25"], kind)
            np.testing.assert_allclose(found[row, : clip.shape[0], : clip.shape[1]].numpy(), expected, atol=1e-9)


def test_degenerate_clips_keep_scale_and_direction():
    joints = torch.ones(1, 1, 3, 25, 3, dtype=torch.float64)
    inside = torch.ones(1, 1, 3, dtype=torch.bool)
    kind = NORMALISATIONS["published"]
    expected = normalise(joints[0].numpy(), LAYOUTS["ntu25"], kind)
    np.testing.assert_allclose(Normalisation(LAYOUTS["ntu25"], kind)(joints, inside)[0].numpy(), expected)


def test_directions_are_turned_where_they_belong():
    directions = torch.randn(20, 3, dtype=torch.float64)
    upright = (turn_to_z(directions) @ directions[:, :, None])[:, :, 0]
    torch.testing.assert_close(upright[:, :2], torch.zeros(20, 2, dtype=torch.float64), atol=1e-12, rtol=0)
    assert (upright[:, 2] > 0).all()
    down = torch.tensor([[0.0, 0.0, -2.0]], dtype=torch.float64)
    torch.testing.assert_close(turn_to_z(down) @ down[:, :, None], -down[:, :, None])
    for vertical, depth in (("y", 2), ("z", 1)):
        facing = (turn_to_x(directions, vertical) @ directions[:, :, None])[:, :, 0]
        torch.testing.assert_close(facing[:, depth], torch.zeros(20, dtype=torch.float64), atol=1e-12, rtol=0)
        assert (facing[:, 0] > 0).all()


def test_the_first_true_entry():
    choices = torch.tensor([[False, True, True], [False, False, False], [True, False, True]])
    assert first_true(choices).tolist() == [1, 2, 0]
