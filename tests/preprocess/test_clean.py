"""Gaps are filled from what was observed, and only there; confidence says which joints those are."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.errors import ConfigError
from psp.io.parse.pickles import read_restricted
from psp.preprocess.clean import CleanConfig, clean
from psp.preprocess.normalise import NormaliseConfig
from psp.preprocess.prepare import prepare_recording
from psp.preprocess.spine import TRUNK
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from psp.skeleton.names import side, words
from psp.skeleton.recording import ClipInfo, Recording

NTU25 = layout_by_name("ntu25")
AS_SEEN, FILL = CleanConfig(fill_gaps=False), CleanConfig(bodies=None)


def recording_of(joints: np.ndarray, observed: np.ndarray | None = None) -> Recording:
    confidence = joints.any(axis=3) if observed is None else observed
    return Recording(ClipInfo("clip"), joints, confidence.astype(np.float32))


@pytest.mark.parametrize("channels", [2, 3])
def test_gaps_are_filled_linearly_and_ends_held(channels):
    way = np.linspace([1.0, 2, 3], [2.0, 4, 6], 11)[:, :channels]
    joints = np.repeat(way[None, :, None], 25, axis=2)
    holes, expected = joints.copy(), joints.copy()
    holes[0, 3:6] = holes[0, 7, 2] = holes[0, 9:] = holes[0, 0, 1] = 0
    expected[0, 9:], expected[0, 0, 1] = joints[0, 8], joints[0, 1, 1]
    found, present, changes = clean(recording_of(holes), NTU25, CleanConfig(drop_empty_frames=False))
    np.testing.assert_allclose(found.joints, expected, rtol=1e-12)
    np.testing.assert_array_equal(found.confidence, holes.any(axis=3))
    assert present.all()
    assert list(changes.values()) == [3, 2, 2]


def test_frames_without_anybody_go_before_gaps_are_filled():
    joints = np.arange(1.0, 451).reshape(2, 3, 25, 3)
    joints[:, 1] = 0
    joints[1, 0] = 0
    found, present, _ = clean(recording_of(joints), NTU25, FILL)
    np.testing.assert_array_equal(found.joints, [joints[0, [0, 2]], joints[1, [2, 2]]])
    assert present.all()
    _, present, _ = clean(recording_of(joints), NTU25, CleanConfig(bodies=None, fill_gaps=False))
    np.testing.assert_array_equal(present, [[True, True], [False, True]])


def test_joints_never_observed_are_put_where_their_parent_is():
    joints = np.random.default_rng(0).uniform(1, 2, (1, 4, 25, 3))
    hand, wrist = NTU25.joints.index("left hand"), NTU25.joints.index("left wrist")
    observed = np.ones((1, 4, 25), dtype=bool)
    observed[:, :, hand] = False
    found, _, changes = clean(recording_of(joints, observed), NTU25, FILL)
    np.testing.assert_array_equal(found.joints[:, :, hand], joints[:, :, wrist])
    assert sum(changes.values()) == 1
    coco = layout_by_name("coco17")
    observed[:, :, coco.centre] = False
    found, _, _ = clean(recording_of(joints[:, :, :17], observed[:, :, :17]), coco, FILL)
    mean = joints[:, :, :17][:, :, observed[0, 0, :17]].mean(axis=2)
    np.testing.assert_allclose(found.joints[:, :, coco.centre], mean, rtol=1e-12)


def standing(layout: Layout, arms: float, hidden: set[str]) -> Recording:
    """Return a person in image coordinates whose arms are turned by an angle; joints with a hidden word are unseen."""
    places = {"neck": (0, 0), "head": (0, -30), "nose": (0, -30), "hip": (0, 50), "knee": (0, 90)}
    joints = np.zeros((len(layout.joints), 2))
    for number, name in enumerate(layout.joints):
        word = next((each for each in places if each in words(name)), "knee")
        joints[number] = places[word]
        joints[number, 0] += {"left": 10, "right": -10}.get(side(name), 0)
    for left, sign in ((True, 1), (False, -1)):
        for joint, reach in (("shoulder", 0), ("elbow", 28), ("wrist", 54)):
            number = layout.joints.index(f"{'left' if left else 'right'}_{joint}")
            joints[number] = sign * (18 + reach * np.sin(arms)), reach * np.cos(arms)
    unseen = [bool(words(name) & hidden) for name in layout.joints]
    confidence = np.broadcast_to(~np.array(unseen), (1, 5, len(joints)))
    return replace(recording_of(np.tile(300 + 3 * joints, (1, 5, 1, 1)), confidence), up="-y")


LEGS = {"hip", "knee", "ankle", "toe", "heel"}


@given(
    st.sampled_from(["openpose25", "halpe26"]), st.floats(0, np.pi), st.floats(0.1, 10),
    st.sampled_from([set(), {"neck"}, LEGS, LEGS | {"neck"}]),
)  # fmt: skip
def test_a_person_has_the_same_size_without_hips_or_neck(name, arms, scale, hidden):
    layout = layout_by_name(name)
    recording = standing(layout, arms, hidden)
    recording = replace(recording, joints=recording.joints * scale)
    clip, changes = prepare_recording(recording, layout, FILL, NormaliseConfig())
    left, right = layout.shoulders
    width = np.linalg.norm(clip.joints[:, :, left] - clip.joints[:, :, right], axis=-1)
    np.testing.assert_allclose(width, 36 / 50 if LEGS - hidden else 1 / TRUNK, rtol=1e-5)
    assert changes["ends of the spine never seen placed by shoulders or hips"] == len({"neck", "hip"} & hidden)


def test_an_end_of_the_spine_is_put_between_its_joints():
    layout = layout_by_name("openpose25")
    hips, seen = [layout.joints.index(f"{each}_hip") for each in ("left", "right")], np.ones((1, 4, 25), dtype=bool)
    seen[:, :, layout.centre] = False
    joints = np.random.default_rng(0).uniform(1, 2, (1, 4, 25, 3))
    found, *_ = clean(recording_of(joints, seen), layout, FILL)
    np.testing.assert_allclose(found.joints[:, :, layout.centre], joints[:, :, hips].mean(axis=2))


@pytest.mark.parametrize("up", ["none", "-y"])
def test_a_person_without_shoulders_or_vertical_axis_is_counted(up):
    layout = layout_by_name("openpose25")
    hidden = LEGS if up == "none" else LEGS | {"shoulder"}
    _, _, changes = clean(replace(standing(layout, 1.0, hidden), up=up), layout, FILL)
    assert changes["persons without a spine, not comparable in size"] == 1


def test_bodies_never_seen_are_dropped_and_a_recording_of_nobody_stays():
    joints = np.zeros((3, 4, 25, 3))
    joints[1] = 1
    found, present, changes = clean(recording_of(joints), NTU25, FILL)
    assert found.joints.shape == (1, 4, 25, 3)
    assert present.shape == (1, 4)
    assert changes == {"bodies never seen": 2}
    nobody = recording_of(np.zeros((1, 4, 25, 3)))
    found, present, changes = clean(nobody, NTU25, CleanConfig())
    assert found is nobody
    assert not present.any()
    assert not changes


def test_a_coordinate_of_zero_means_nothing_special():
    joints = np.zeros((1, 5, 25, 3))
    joints[:, :, 1] = np.arange(5.0)[:, None]
    found, present, changes = clean(recording_of(joints, np.ones((1, 5, 25), dtype=bool)), NTU25, CleanConfig())
    np.testing.assert_array_equal(found.joints, joints)
    assert present.all()
    assert not changes


masks = st.lists(st.lists(st.booleans(), min_size=50, max_size=50), min_size=1, max_size=6).map(np.array)


@given(masks, st.sampled_from([2, 3]))
def test_cleaning_again_changes_nothing_and_what_was_observed_stays(mask, channels):
    observed = mask.reshape(len(mask), 2, 25).transpose(1, 0, 2)
    joints = np.random.default_rng(0).uniform(-1, 1, (*observed.shape, channels))
    once, present, _ = clean(recording_of(joints, observed), NTU25, FILL)
    people, frames = observed.any(axis=(1, 2)), observed.any(axis=(0, 2))
    if people.any():
        kept, seen = joints[people][:, frames], observed[people][:, frames]
        np.testing.assert_array_equal(once.joints[seen], kept[seen])
        np.testing.assert_array_equal(once.confidence, seen)
        assert (np.abs(once.joints) <= 1 + TRUNK * np.sqrt(12)).all()
        assert present.all()
    again, _, _ = clean(once, NTU25, FILL)
    np.testing.assert_array_equal(again.joints, once.joints)


@given(masks)
def test_what_stands_where_nothing_was_observed_has_no_influence(mask):
    observed = mask.reshape(len(mask), 2, 25).transpose(1, 0, 2)
    draw = np.random.default_rng(0)
    joints = draw.uniform(1, 2, (*observed.shape, 3))
    other = np.where(observed[..., None], joints, draw.normal(size=joints.shape))
    first, second = (clean(recording_of(each, observed), NTU25, FILL)[0].joints for each in (joints, other))
    if observed.any():
        np.testing.assert_array_equal(first, second)


def stages(shared_data) -> list[tuple[Recording, np.ndarray]]:
    folder, pairs = shared_data / "ntu-samples", []
    denoised = read_restricted(folder / "raw_denoised_joints.pkl")
    for clip, expected in zip(read_restricted(folder / "raw_skes_data.pkl"), denoised, strict=True):
        bodies = [np.zeros((clip["num_frames"], 25, 3)) for _ in clip["data"]]
        for joints, tracked in zip(bodies, clip["data"].values(), strict=True):
            joints[tracked["interval"]] = tracked["joints"].reshape(-1, 25, 3)
        pairs.append((recording_of(np.stack(bodies)), expected.reshape(-1, 2, 25, 3).swapaxes(0, 1)))
    return pairs


def test_the_stages_of_ctr_gcn(shared_data):
    for recording, expected in stages(shared_data):
        repaired, _, changes = clean(recording, NTU25, AS_SEEN)
        np.testing.assert_array_equal(repaired.joints, expected)
        assert not changes


def test_training_clips_of_ctr_gcn_are_ours_moved_to_the_middle_of_the_spine(shared_data):
    clips = np.load(shared_data / "ntu-samples/NTU60_CV.npz")["x_train"]
    for (recording, _), clip in zip(stages(shared_data), clips, strict=True):
        joints = clean(recording, NTU25, AS_SEEN)[0].joints
        moved = np.where(joints.any(axis=(2, 3), keepdims=True), joints - joints[0, 0, 1], 0)
        published = clip.reshape(-1, 2, 25, 3).swapaxes(0, 1)
        np.testing.assert_allclose(published[:, : joints.shape[1]], moved, atol=1e-6)
        assert not published[:, joints.shape[1] :].any()


def test_a_joint_without_a_position_is_filled_like_one_that_was_not_observed():
    joints = np.random.default_rng(0).uniform(1, 2, (1, 6, 25, 3))
    lost, unseen = recording_of(joints.copy()), recording_of(joints.copy())
    lost.joints[0, 2, 7, 1], lost.joints[0, 4, 3] = np.nan, np.inf
    unseen.confidence[0, 2, 7] = unseen.confidence[0, 4, 3] = 0
    found, _, changes = clean(lost, NTU25, CleanConfig())
    expected, _, _ = clean(unseen, NTU25, CleanConfig())
    np.testing.assert_array_equal(found.joints, expected.joints)
    np.testing.assert_array_equal(found.confidence, expected.confidence)
    assert changes == {"joints without a position": 2, "single joints filled in": 2}
    nobody = recording_of(np.full((1, 2, 25, 3), np.nan), np.ones((1, 2, 25)))
    assert not clean(nobody, NTU25, CleanConfig())[1].any()


@pytest.mark.parametrize("least", [0.0, 0.5, 0.6, 1.0])
def test_joints_of_little_confidence_are_filled_like_those_not_observed(least):
    draw = np.random.default_rng(3)
    joints, confidence = draw.normal(size=(1, 30, 25, 3)), draw.choice([0.0, 0.25, 0.5, 0.75, 1.0], size=(1, 30, 25))
    kept = confidence * (confidence >= least)
    config = CleanConfig(bodies=None, least_confidence=least)
    found, _, changes = clean(recording_of(joints, confidence), NTU25, config)
    expected, _, _ = clean(recording_of(joints, kept), NTU25, FILL)
    np.testing.assert_array_equal(found.joints, expected.joints)
    np.testing.assert_array_equal(found.confidence, expected.confidence)
    assert changes["joints of little confidence"] == ((confidence > 0) & (kept == 0)).sum()


@pytest.mark.parametrize("least", [-0.1, 1.1])
def test_a_least_confidence_outside_its_range_is_refused(least):
    with pytest.raises(ConfigError, match="least_confidence"):
        CleanConfig(least_confidence=least)
