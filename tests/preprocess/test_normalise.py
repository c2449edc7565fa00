import zipfile
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.preprocess.clean import CleanConfig, clean
from psp.preprocess.normalise import NORMALISATIONS, NormaliseConfig, normalise
from psp.io.ntu import parse_skeleton
from psp.errors import ConfigError
from psp.skeleton.layouts import LAYOUTS

TURNS = ("none", "first-frame")
CONFIGS = [
    NormaliseConfig(*choice)
    for choice in product((*TURNS, "every-frame"), ("none", "first-spine", "mean-spine"), TURNS, TURNS)
]
layouts = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
configs = pytest.mark.parametrize("config", CONFIGS)


def people(layout, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2, 7, len(layout.joints), 3))


def rotation(seed: int) -> np.ndarray:
    matrix, triangle = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    matrix *= np.sign(np.diag(triangle))
    return matrix * np.linalg.det(matrix)


def yaw(angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


@layouts
def test_the_default_keeps_the_way_that_people_walk(layout):
    joints = people(layout)
    spines = joints[:, :, layout.spine[1]] - joints[:, :, layout.spine[0]]
    expected = (joints - joints[0, 0, layout.centre]) / np.sqrt((spines**2).sum(axis=-1)).mean()
    np.testing.assert_allclose(normalise(joints, layout, NormaliseConfig()), expected, rtol=1e-9, atol=1e-12)


@layouts
def test_each_step_does_what_it_says(layout):
    config = NormaliseConfig("every-frame", "first-spine", "first-frame", "first-frame")
    done = normalise(people(layout), layout, config)
    np.testing.assert_allclose(done[0, :, layout.centre], 0, atol=1e-12)
    lower, upper = done[0, 0, list(layout.spine)]
    np.testing.assert_allclose(upper - lower, [0, 0, 1], atol=1e-12)
    left, right = done[0, 0, list(layout.shoulders)]
    assert left[1] == pytest.approx(right[1], abs=1e-12)


@layouts
@configs
def test_what_is_taken_out_does_not_matter(layout, config):
    joints = people(layout)
    changed = joints * (1.7 if config.scale != "none" else 1)
    if config.facing != "none":
        changed = changed @ (yaw(2.0) if config.upright == "none" else rotation(1))
    changed = changed + ([0.3, -2.0, 5.0] if config.centre != "none" else 0)
    before, after = (normalise(x, layout, config) for x in (joints, changed))
    np.testing.assert_allclose(after, before, rtol=1e-7, atol=1e-7)


@layouts
@configs
def test_bodies_keep_their_shape(layout, config):
    joints = people(layout)
    before, after = (
        np.linalg.norm(x - x[:, :, :1], axis=-1)[..., 1:] for x in (joints, normalise(joints, layout, config))
    )
    np.testing.assert_allclose(after / before, (after / before).mean(), rtol=1e-9)


@given(st.integers(0, 2**32 - 1), st.sampled_from(CONFIGS), st.sampled_from(list(LAYOUTS.values())))
def test_once_is_enough(seed, config, layout):
    once = normalise(people(layout, seed), layout, config)
    again = normalise(np.where(once == 0, 1e-15, once), layout, config)
    np.testing.assert_allclose(again, once, rtol=1e-7, atol=1e-7)


@layouts
@configs
def test_the_absent_stay_zero_and_nobody_else_moves(layout, config):
    config, joints = replace(config, scale="none"), people(layout)
    whole = normalise(joints, layout, config)
    joints[1, 2:4] = 0
    done = normalise(joints, layout, config)
    assert not done[1, 2:4].any()
    np.testing.assert_array_equal(np.delete(done, [2, 3], axis=1), np.delete(whole, [2, 3], axis=1))


@layouts
def test_the_first_frame_is_the_first_in_which_person_1_is_seen(layout):
    joints = people(layout)
    joints[0, [0, 1, 4]] = 0
    done = normalise(joints, layout, NormaliseConfig("every-frame", "first-spine"))
    spine = joints[0, 2, layout.spine[1]] - joints[0, 2, layout.spine[0]]
    origins = joints[0, [2, 2, 2, 3, 3, 5, 6], layout.centre]
    np.testing.assert_allclose(done[1], (joints[1] - origins[:, None]) / np.linalg.norm(spine), rtol=1e-9)


@layouts
@configs
def test_degenerate_clips_stay_finite(layout, config):
    empty = np.zeros((2, 3, len(layout.joints), 3))
    assert not normalise(empty, layout, config).any()
    point = np.ones((1, 3, len(layout.joints), 3))
    for joints in (point, point * np.arange(len(layout.joints))[:, None]):
        assert np.isfinite(normalise(joints, layout, config)).all()


def test_the_published_preparation(shared_data, reference):
    layout, expected = LAYOUTS["ntu25"], np.load(reference / "ntu_reference_prepared.npz")
    names = sorted({key.split(".")[0] for key in expected})
    assert len(names) == 15
    with zipfile.ZipFile(shared_data / "ntu-samples/raw_skeletons.zip") as archive:
        for name in names:
            recording = parse_skeleton(archive.read(f"nturgb+d_skeletons/{name}.skeleton"), f"{name}.skeleton")
            mended, _ = clean(recording, layout, CleanConfig())
            done = normalise(mended.joints, layout, NORMALISATIONS["published"]).transpose(3, 1, 2, 0)
            assert done.shape[1] == expected[f"{name}.numFrame"]
            np.testing.assert_allclose(done, expected[f"{name}.normalised"], rtol=0, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("line", [(-1, 5), (5, -1), (25, 5), (5, 25)])
def test_joints_that_do_not_exist_are_refused(line):
    joints = np.ones((1, 2, 25, 3))
    with pytest.raises(ConfigError, match=r"joint (-1|25) does not exist\. Use joints 0 to 24"):
        normalise(joints, LAYOUTS["ntu25"], NormaliseConfig(shoulder_line=line))
