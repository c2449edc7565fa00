"""Normalisation takes out exactly what it says, for every layout, axis that points up and number of coordinates."""

import zipfile
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from psp.errors import ConfigError
from psp.io.formats.ntu import parse_skeleton
from psp.preprocess.clean import CleanConfig, clean
from psp.preprocess.normalise import NORMALISATIONS, NormaliseConfig, check_normalise, normalisation, normalise
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout

LAYOUTS = {name: layout_by_name(name) for name in ("ntu25", "kinect20", "coco17", "hand21")}
TURNS = ("none", "first-frame")
CONFIGS = [
    NormaliseConfig(*choice)
    for choice in product((*TURNS, "every-frame"), ("none", "first-spine", "mean-spine"), TURNS, TURNS)
]
FULL = NormaliseConfig("every-frame", "first-spine", "first-frame", "first-frame")
CASES = [
    pytest.param(layout, config, id=f"{name}-{number}")
    for name, layout in LAYOUTS.items()
    for number, config in enumerate(CONFIGS)
    if name != "kinect20" and (layout.spine is not None or config.upright == "none")
]
layouts = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
kinects = pytest.mark.parametrize("layout", [LAYOUTS["ntu25"], LAYOUTS["kinect20"]], ids=["ntu25", "kinect20"])
cases = pytest.mark.parametrize(("layout", "config"), CASES)


def people(layout: Layout, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2, 7, len(layout.joints), 3))


def normalised(joints: np.ndarray, layout: Layout, config: NormaliseConfig, present=None, up="y") -> np.ndarray:
    present = np.ones(joints.shape[:2], dtype=bool) if present is None else present
    return normalise(torch.from_numpy(joints)[None], torch.from_numpy(present)[None], layout, config, up)[0].numpy()


def rotation(seed: int) -> np.ndarray:
    matrix, triangle = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    matrix *= np.sign(np.diag(triangle))
    return matrix * np.linalg.det(matrix)


def yaw(angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def size(joints: np.ndarray, layout: Layout) -> float:
    """The mean length of the spine, or the root mean square distance from the centre."""
    if layout.spine is not None:
        return np.linalg.norm(joints[:, :, layout.spine[1]] - joints[:, :, layout.spine[0]], axis=-1).mean()
    return np.sqrt(((joints - joints[:, :, [layout.centre]]) ** 2).sum(axis=-1).mean())


@layouts
@pytest.mark.parametrize("channels", [2, 3])
def test_the_default_keeps_the_way_that_people_walk(layout, channels):
    joints = people(layout)[..., :channels]
    expected = (joints - joints[0, 0, layout.centre]) / size(joints, layout)
    np.testing.assert_allclose(normalised(joints, layout, NormaliseConfig()), expected, rtol=1e-9, atol=1e-12)


@layouts
def test_the_first_frame_can_give_the_scale(layout):
    joints = people(layout)
    done = normalised(joints, layout, NormaliseConfig(scale="first-spine"))
    assert size(done[:1, :1], layout) == pytest.approx(1, rel=1e-9)


@kinects
@pytest.mark.parametrize("up", ["x", "y", "z", "-y"])
def test_each_step_does_what_it_says(layout, up):
    done = normalised(people(layout), layout, FULL, up=up)
    np.testing.assert_allclose(done[0, :, layout.centre], 0, atol=1e-12)
    lower, upper = done[0, 0, list(layout.spine)]
    np.testing.assert_allclose(upper - lower, [0, 0, 1], atol=1e-12)
    left, right = done[0, 0, list(layout.shoulders)]
    assert left[1] == pytest.approx(right[1], abs=1e-12)
    assert left[0] < right[0]
    assert FULL.vertical(up) == "z"


@pytest.mark.parametrize(("up", "height", "along", "depth"), [("x", 0, 1, 2), ("-y", 1, 0, 2), ("z", 2, 0, 1)])
def test_facing_turns_about_the_axis_that_points_up(up, height, along, depth):
    layout, joints = LAYOUTS["ntu25"], people(LAYOUTS["ntu25"])
    config = NormaliseConfig("none", "none", facing="first-frame")
    done = normalised(joints, layout, config, up=up)
    np.testing.assert_array_equal(done[..., height], joints[..., height])
    line = done[0, 0, layout.shoulders[1]] - done[0, 0, layout.shoulders[0]]
    assert line[depth] == pytest.approx(0, abs=1e-12)
    assert line[along] > 0
    assert config.vertical(up) == up


@layouts
@pytest.mark.parametrize(("up", "channels"), [("none", 3), ("-y", 2), ("x", 2)])
def test_without_a_third_coordinate_or_a_vertical_axis_nothing_is_turned(layout, up, channels):
    joints, config = people(layout)[..., :channels], NormaliseConfig(facing="first-frame")
    plain = normalised(joints, layout, NormaliseConfig())
    np.testing.assert_array_equal(normalised(joints, layout, config, up=up), plain)
    if layout.spine is not None and up == "none":
        np.testing.assert_array_equal(normalised(joints, layout, replace(FULL, centre="first-frame",
                                                 scale="mean-spine"), up=up), plain)  # fmt: skip
        assert FULL.vertical("none") == "none"


@cases
def test_what_is_taken_out_does_not_matter(layout, config):
    joints = people(layout)
    changed = joints * (1.7 if config.scale != "none" else 1)
    if config.facing != "none" and layout.shoulders is not None:
        changed = changed @ (yaw(2.0) if config.upright == "none" else rotation(1))
    changed = changed + ([0.3, -2.0, 5.0] if config.centre != "none" else 0)
    before, after = (normalised(x, layout, config) for x in (joints, changed))
    np.testing.assert_allclose(after, before, rtol=1e-7, atol=1e-7)


@cases
def test_bodies_keep_their_shape(layout, config):
    joints = people(layout)
    before, after = (
        np.linalg.norm(x - x[:, :, :1], axis=-1)[..., 1:] for x in (joints, normalised(joints, layout, config))
    )
    np.testing.assert_allclose(after / before, (after / before).mean(), rtol=1e-9)


@given(st.integers(0, 2**32 - 1), st.sampled_from([case.values for case in CASES]))
def test_once_is_enough(seed, case):
    layout, config = case
    once = normalised(people(layout, seed), layout, config)
    up = config.vertical("y")
    np.testing.assert_allclose(normalised(once, layout, config, up=up), once, rtol=1e-7, atol=1e-7)


@cases
def test_the_absent_become_zero_and_have_no_influence(layout, config):
    config, joints = replace(config, scale="none"), people(layout)
    whole = normalised(joints, layout, config)
    present = np.ones((2, 7), dtype=bool)
    present[1, 2:4] = False
    for value in (0.0, 9.0):
        joints[1, 2:4] = value
        done = normalised(joints, layout, config, present)
        assert not done[1, 2:4].any()
        np.testing.assert_array_equal(np.delete(done, [2, 3], axis=1), np.delete(whole, [2, 3], axis=1))


@layouts
def test_the_first_frame_is_the_first_in_which_person_1_is_present(layout):
    joints, present = people(layout), np.ones((2, 7), dtype=bool)
    present[0, [0, 1, 4]] = False
    done = normalised(joints, layout, NormaliseConfig("every-frame", "none"), present)
    origins = joints[0, [2, 2, 2, 3, 3, 5, 6], layout.centre]
    np.testing.assert_allclose(done[1], joints[1] - origins[:, None], rtol=1e-9, atol=1e-12)


@cases
def test_degenerate_clips_stay_finite(layout, config):
    nobody = np.zeros((2, 3), dtype=bool)
    assert not normalised(people(layout)[:, :3], layout, config, nobody).any()
    point = np.ones((1, 3, len(layout.joints), 3))
    for joints in (point, point * np.arange(len(layout.joints))[:, None]):
        assert np.isfinite(normalised(joints, layout, config)).all()


@cases
def test_a_padded_batch_is_normalised_like_its_clips(layout, config):
    clips = [people(layout, 1)[:1, :5], people(layout, 2), people(layout, 3)[:2, :1]]
    joints, present = torch.full((3, 2, 7, len(layout.joints), 3), 8.0), torch.zeros(3, 2, 7, dtype=torch.bool)
    for row, clip in enumerate(clips):
        joints[row, : clip.shape[0], : clip.shape[1]] = torch.from_numpy(clip)
        present[row, : clip.shape[0], : clip.shape[1]] = True
    done = normalise(joints, present, layout, config, "y").numpy()
    for found, clip in zip(done, clips, strict=True):
        expected = normalised(clip, layout, config)
        np.testing.assert_allclose(found[: clip.shape[0], : clip.shape[1]], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@kinects
def test_a_recorded_graph_holds_for_other_clips(layout):
    def graph(joints: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        return normalise(joints, present, layout, FULL, "y")

    joints = torch.from_numpy(np.stack([people(layout, seed) for seed in range(3)]))
    present = torch.ones(3, 2, 7, dtype=torch.bool)
    traced = torch.jit.trace(graph, (joints[:1], present[:1]), check_trace=False)
    present[1, 0, [0, 3]] = present[2, 1] = False
    torch.testing.assert_close(traced(joints, present), graph(joints, present))
    torch.testing.assert_close(traced(joints[:, :, :4], present[:, :, :4]), graph(joints[:, :, :4], present[:, :, :4]))


def test_the_published_preparation(shared_data, reference):
    layout, config = LAYOUTS["ntu25"], normalisation("published", LAYOUTS["ntu25"])
    expected = np.load(reference / "ntu_reference_prepared.npz")
    names = sorted({key.split(".")[0] for key in expected})
    assert len(names) == 15
    with zipfile.ZipFile(shared_data / "ntu-samples/raw_skeletons.zip") as archive:
        for name in names:
            recording = parse_skeleton(archive.read(f"nturgb+d_skeletons/{name}.skeleton"), f"{name}.skeleton")
            repaired, present, _ = clean(recording, layout, CleanConfig())
            done = normalised(repaired.joints, layout, config, present).transpose(3, 1, 2, 0)
            assert done.shape[1] == expected[f"{name}.numFrame"]
            np.testing.assert_allclose(done, expected[f"{name}.normalised"], rtol=0, atol=1e-9, err_msg=name)


def test_joints_of_named_normalisations_are_those_of_the_layout():
    kinect, ntu = LAYOUTS["kinect20"], LAYOUTS["ntu25"]
    assert normalisation("published", kinect).shoulder_line == ("shoulder centre", "left elbow")
    assert normalisation("published", ntu).shoulder_line == ("spine shoulder", "left elbow")
    config = normalisation("authors", kinect)
    assert (config.centre_joint, config.spine_line) == ("spine", ("hip centre", "spine"))
    assert config.shoulder_line == ("left shoulder", "right shoulder")
    for layout in (kinect, ntu):
        for name in NORMALISATIONS:
            assert np.isfinite(normalised(people(layout), layout, normalisation(name, layout))).all()


@pytest.mark.parametrize("name", ["published", "authors"])
@pytest.mark.parametrize("layout", ["coco17", "hand21"])
def test_layouts_without_the_joints_of_a_named_normalisation_are_refused_by_what_they_lack(name, layout):
    with pytest.raises(ConfigError, match=r"has no (spine|shoulders)"):
        normalisation(name, LAYOUTS[layout])


@kinects
@pytest.mark.parametrize("up", ["x", "y", "z", "-y"])
def test_a_level_line_points_along_the_first_horizontal_axis(layout, up):
    joints = people(layout)
    config = NormaliseConfig("none", "none", facing="level")
    done = normalised(joints, layout, config, up=up)
    left, right = done[0, 0, list(layout.shoulders)]
    along = next(axis for axis in range(3) if "xyz"[axis] != up[-1])
    expected = np.linalg.norm(np.diff(joints[0, 0, list(layout.shoulders)], axis=0)) * np.eye(3)[along]
    np.testing.assert_allclose(right - left, expected, atol=1e-9)
    lengths = [np.linalg.norm(each[..., 1:, :] - each[..., :1, :], axis=-1) for each in (done, joints)]
    np.testing.assert_allclose(*lengths, rtol=1e-9)


def test_configurations_that_do_not_fit_are_refused():
    for option in ({"shoulder_line": ("head", "tail")}, {"spine_line": ("tail", "head")}, {"centre_joint": "tail"}):
        with pytest.raises(ConfigError, match="has no joint 'tail'"):
            check_normalise(NormaliseConfig(**option), LAYOUTS["kinect20"])
    with pytest.raises(ConfigError, match="upright needs a spine"):
        check_normalise(replace(NormaliseConfig(), upright="first-frame"), LAYOUTS["coco17"])
    with pytest.raises(ConfigError, match="upright needs three coordinates"):
        check_normalise(replace(NormaliseConfig(), upright="first-frame"), LAYOUTS["ntu25"], 2)
    for name in NORMALISATIONS:
        check_normalise(normalisation(name, LAYOUTS["ntu25"]), LAYOUTS["ntu25"])
