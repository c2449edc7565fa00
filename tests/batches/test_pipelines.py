"""Each pipeline against an implementation of the same definition that shares no code with it."""

from math import cos, radians, sin

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from psp.batches.augment import Space, geometry
from psp.batches.batch import BatchSpec, DataConfig
from psp.batches.loader import SampleMaker
from psp.batches.pipelines import PIPELINES
from psp.batches.resample import training_positions
from psp.batches.rescale import min_max
from psp.batches.sampler import Draw
from psp.dataset.clip_table import keys_of_ids
from psp.dataset.store import Store
from psp.errors import ConfigError
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormaliseConfig, normalisation
from psp.preprocess.prepare import prepare_recording
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.recording import ClipInfo, Recording

LAYOUT = layout_by_name("kinect20")
HIP, SPINE, NECK, LEFT, RIGHT = 0, 1, 2, 4, 8
FRAMES = (31, 64, 7)
KEYS = torch.from_numpy(keys_of_ids(f"clip-{number}" for number in range(len(FRAMES))))
SPEC = BatchSpec("train", len(FRAMES), ("joint", "motion"))


def recorded() -> list[np.ndarray]:
    """Clips (t, 20, 3) of a body that moves and turns, in metres."""
    rng = np.random.default_rng(5)
    rest = rng.normal(0, 0.4, (20, 3)) + np.linspace([0, -1, 3], [0.3, 1, 3.4], 20)
    return [rest + np.cumsum(rng.normal(0, 0.02, (frames, 20, 3)), axis=0) for frames in FRAMES]


def prepared(name: str) -> Store:
    config = normalisation(PIPELINES[name].normalise, LAYOUT)
    clips = []
    for number, joints in enumerate(recorded()):
        seen = np.ones((1, *joints.shape[:2]), np.float32)
        recording = Recording(ClipInfo(f"clip-{number}", label=0), joints[None], seen, "y")
        clips.append(prepare_recording(recording, LAYOUT, CleanConfig(bodies=None), config)[0])
    return Store.in_memory(clips, LAYOUT, ["a"], up=config.vertical("y"), normalise=config)


def maker(name: str) -> SampleMaker:
    return SampleMaker(prepared(name), PIPELINES[name].data)


def trained_on(name: str) -> dict[str, np.ndarray]:
    sample = maker(name).batch(Draw(torch.arange(len(FRAMES)), KEYS), SPEC).sample
    return {modality: values[:, 0].numpy() for modality, values in sample.modalities.items()}


def predicted_on(name: str) -> dict[str, np.ndarray]:
    sample = maker(name).whole(torch.arange(len(FRAMES)), ("joint", "motion")).sample
    return {modality: values[:, 0].numpy() for modality, values in sample.modalities.items()}


def resized(joints: np.ndarray, count: int) -> np.ndarray:
    """Linear resizing of (t, 20, 3), coordinate by coordinate."""
    old, new = np.arange(len(joints)), np.linspace(0, len(joints) - 1, count)
    columns = [np.interp(new, old, column) for column in joints.reshape(len(joints), -1).T]
    return np.stack(columns, axis=1).reshape(count, 20, 3)


def turned(joints: np.ndarray, line: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """The joints after the rotation, about the cross product, that brings a line to an axis."""
    angle, normal = np.arccos(np.dot(line, axis) / np.linalg.norm(line)), np.cross(line, axis)
    rotation = Rotation.from_rotvec(angle * normal / np.linalg.norm(normal))
    return rotation.apply(joints.reshape(-1, 3)).reshape(joints.shape)


def as_the_authors(joints: np.ndarray) -> np.ndarray:
    joints = resized(joints, 50)
    joints = joints - joints[:, SPINE, None]
    joints = turned(joints, joints[0, SPINE] - joints[0, HIP], np.array([0.0, 0.0, 1.0]))
    return turned(joints, joints[0, RIGHT] - joints[0, LEFT], np.array([1.0, 0.0, 0.0]))


def as_ctrgcn(joints: np.ndarray, about_x: float, about_y: float, frames: np.ndarray) -> np.ndarray:
    """Spine of frame 0 subtracted, rows times Ry Rx, min-max of every axis, frames drawn before the min-max."""
    rx = np.array([[1, 0, 0], [0, cos(about_x), sin(about_x)], [0, -sin(about_x), cos(about_x)]])
    ry = np.array([[cos(about_y), 0, -sin(about_y)], [0, 1, 0], [sin(about_y), 0, cos(about_y)]])
    seen = ((joints - joints[0, SPINE]) @ (ry @ rx))[frames]
    low, high = seen.min(axis=(0, 1)), seen.max(axis=(0, 1))
    return (seen - low) / (high - low) * 2 - 1


def differences(joints: np.ndarray) -> np.ndarray:
    return np.concatenate([joints[1:] - joints[:-1], np.zeros((1, 20, 3))])


def drawn_frames(name: str) -> np.ndarray:
    positions = training_positions(KEYS, torch.tensor(FRAMES), PIPELINES[name].data.resample).numpy()
    assert (positions == positions.round()).all()
    assert (np.diff(positions) >= 0).all()
    return positions.astype(int)


def compare(found: dict[str, np.ndarray], expected: list[np.ndarray]) -> None:
    np.testing.assert_allclose(found["joint"], expected, atol=2e-5)
    np.testing.assert_allclose(found["motion"], [differences(each) for each in expected], atol=4e-5)


def test_paper_draws_fifty_frames_and_changes_nothing_else():
    whole = []
    for joints in recorded():
        spine = np.linalg.norm(joints[:, NECK] - joints[:, HIP], axis=1).mean()
        whole.append((joints - joints[0, HIP]) / spine)
    frames = drawn_frames("paper")
    compare(trained_on("paper"), [joints[chosen] for joints, chosen in zip(whole, frames, strict=True)])
    assert frames.shape[1] == 50


@pytest.mark.parametrize("make", [trained_on, predicted_on])
def test_authors_resizes_centres_and_turns_as_their_earlier_program(make):
    compare(make("authors"), [as_the_authors(joints) for joints in recorded()])


def test_authors_turned_is_tested_as_authors_and_trained_on_turned_views():
    compare(predicted_on("authors-turned"), [as_the_authors(joints) for joints in recorded()])
    turns = geometry(KEYS, PIPELINES["authors-turned"].data.strong, Space(LAYOUT, "z")).numpy()
    yaw, tilt, roll = Rotation.from_matrix(turns).as_euler("ZXY", degrees=True).T
    assert (abs(yaw) <= 45).all()
    assert (abs(tilt) <= 15).all()
    np.testing.assert_allclose(roll, 0, atol=1e-4)
    expected = [as_the_authors(joints) @ turn.T for joints, turn in zip(recorded(), turns, strict=True)]
    compare(trained_on("authors-turned"), expected)


def test_ctrgcn_turns_about_y_then_x_and_brings_every_axis_to_one():
    turns = geometry(KEYS, PIPELINES["ctrgcn"].data.strong, Space(LAYOUT, "y")).numpy()
    about_y, about_x, about_z = Rotation.from_matrix(turns).as_euler("yxz").T
    assert max(*abs(about_y), *abs(about_x)) <= radians(60)
    np.testing.assert_allclose(about_z, 0, atol=1e-6)
    angles = zip(recorded(), -about_x, -about_y, drawn_frames("ctrgcn"), strict=True)
    expected = [as_ctrgcn(joints, -x, -y, frames) for joints, x, y, frames in angles]
    compare(trained_on("ctrgcn"), expected)
    assert expected[0].shape[0] == 52


def test_ctrgcn_tests_without_turns():
    found = predicted_on("ctrgcn")["joint"]
    expected = [as_ctrgcn(resized(joints, 52), 0, 0, np.arange(52)) for joints in recorded()]
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_the_limits_of_an_axis_are_those_of_present_persons():
    joints = torch.randn(2, 2, 5, 3, 3, generator=torch.Generator().manual_seed(0))
    joints[..., 2] = 0
    present = torch.tensor([[True, True], [True, False]])
    found = min_max(joints, present)
    assert torch.equal(found[1:, :1], min_max(joints[1:, :1], present[1:, :1]))
    assert not found[1, 1].any()
    assert not found[..., 2].any()
    assert (found[0].amin(dim=(0, 1, 2)).tolist(), found[0].amax(dim=(0, 1, 2)).tolist()) == ([-1, -1, 0], [1, 1, 0])


@pytest.mark.parametrize("name", PIPELINES)
def test_a_data_set_that_was_prepared_otherwise_is_refused(name):
    store = prepared(name)
    PIPELINES[name].check(store)
    other = Store.in_memory([store.clip(0)], LAYOUT, ["a"], up="y", normalise=NormaliseConfig("every-frame", "none"))
    with pytest.raises(ConfigError, match=f"--normalise {PIPELINES[name].normalise}"):
        PIPELINES[name].check(other)


def test_recorded_motion_cannot_be_rescaled():
    with pytest.raises(ConfigError, match="cannot be rescaled"):
        DataConfig(modalities="apart", motion="recorded", rescale="min-max")
