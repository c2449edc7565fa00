import pytest
import torch

from psp.batches.resample import ResampleConfig, even_positions, joints_at, present_persons, training_positions
from psp.dataset.clip_table import keys_of_ids
from psp.errors import ConfigError

KEYS = torch.from_numpy(keys_of_ids(f"clip {number}" for number in range(300)))
FRAMES = torch.arange(300) % 90 + 1


def ramp(frames: int, person: int) -> torch.Tensor:
    """A body whose every coordinate is 1000 * person + frame number."""
    return (1000.0 * person + torch.arange(frames))[:, None, None].expand(frames, 2, 3)


def test_whole_clip_goes_from_first_to_last_frame():
    positions = even_positions(torch.tensor([1, 11]), 5)
    assert positions.tolist() == [[0, 0, 0, 0, 0], [0, 2.5, 5, 7.5, 10]]


def test_a_crop_goes_from_its_beginning_to_its_end():
    positions = even_positions(torch.tensor([1, 11]), 3, (0.2, 0.8))
    torch.testing.assert_close(positions, torch.tensor([[0.0, 0, 0], [2, 5, 8]]))


@pytest.mark.parametrize("crops", [(), ((0.5, 0.5),), ((0.0, 1.1),), ((-0.1, 1.0),)])
def test_crops_outside_the_clip_are_refused(crops):
    with pytest.raises(ConfigError, match="test_crops"):
        ResampleConfig(test_crops=crops)


@pytest.mark.parametrize("kind", ["crop", "random", "whole"])
def test_training_positions_are_ordered_and_inside(kind):
    positions = training_positions(KEYS, FRAMES, ResampleConfig(frames=32, train=kind))
    assert positions.shape == (300, 32)
    assert (positions.diff(dim=1) >= -1e-4).all()
    assert (positions >= 0).all()
    assert (positions <= FRAMES[:, None] - 1 + 1e-4).all()


def test_crops_have_the_configured_length():
    positions = training_positions(KEYS, torch.full((300,), 101), ResampleConfig(shortest=0.5))
    length = (positions[:, -1] - positions[:, 0]) / 100
    assert 0.5 - 1e-5 <= float(length.min()) < 0.53
    assert 0.97 < float(length.max()) <= 1


def test_crops_that_overhang_hold_the_first_and_the_last_pose():
    positions = training_positions(KEYS, torch.full((300,), 101), ResampleConfig(shortest=0.6, overhang=0.2))
    assert positions.min() == 0
    assert positions.max() == 100
    early, late = (positions == 0).sum(dim=1), (positions == 100).sum(dim=1)
    assert 8 < early.max() < 22
    assert 8 < late.max() < 22
    assert (positions.diff(dim=1) >= -1e-4).all()
    assert (positions[:, -1] - positions[:, 0]).min() >= 100 * (0.6 - 0.2)


def test_a_crop_that_overhangs_a_clip_of_one_frame_is_that_frame():
    assert not training_positions(KEYS, torch.ones(300, dtype=torch.int64), ResampleConfig(overhang=0.3)).any()


@pytest.mark.parametrize("overhang", [-0.1, 0.5])
def test_an_overhang_that_might_miss_the_clip_is_refused(overhang):
    with pytest.raises(ConfigError, match="overhang"):
        ResampleConfig(shortest=0.5, overhang=overhang)


def test_random_frames_are_whole_frames():
    positions = training_positions(KEYS, FRAMES, ResampleConfig(train="random"))
    assert torch.equal(positions, positions.floor())


def test_joints_are_interpolated_between_frames_of_the_same_person():
    joints = torch.cat([ramp(4, 0), ramp(6, 1), ramp(6, 2)])
    present = present_persons(torch.tensor([1, 2]), 2)
    positions = torch.tensor([[0.0, 1.5, 3.0], [0.25, 4.0, 5.0]])
    read = joints_at(joints, torch.tensor([0, 4]), torch.tensor([4, 6]), present, positions)
    assert read.shape == (2, 2, 3, 2, 3)
    assert read[0, 0, :, 0, 0].tolist() == [0, 1.5, 3]
    assert read[0, 1].abs().max() == 0
    assert read[1, 0, :, 0, 0].tolist() == [1000.25, 1004, 1005]
    assert read[1, 1, :, 1, 2].tolist() == [2000.25, 2004, 2005]
    flat = joints_at(joints[..., :2], torch.tensor([0, 4]), torch.tensor([4, 6]), present, positions)
    assert torch.equal(flat, read[..., :2])


def test_present_persons_fill_the_first_slots():
    assert present_persons(torch.tensor([1, 2]), 2).tolist() == [[True, False], [True, True]]
