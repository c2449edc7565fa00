import tracemalloc
from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psp.errors import ConfigError, LayoutError
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from psp.skeleton.names import canonical
from psp.skeleton.recording import Clip
from psp.synthetic import SYNTHETIC_CLASSES, SyntheticConfig, synthetic_clip, synthetic_clips
from psp.synthetic.generate import take_at
from psp.synthetic.kinematics import CHANNELS
from psp.synthetic.program import LIMITS
from psp.synthetic.random_actions import own_way, random_program

RECORDED = {
    "ntu25": [7492.902, 7463.891, 14708.945, 10209.192],
    "kinect20": [6079.242, 6059.143, 11899.307, 8249.254],
}
"""Sums of the absolute coordinates of clips 0, 7, 50 and 113 of the default configuration, in metres."""

PERFECT = SyntheticConfig(noise=0.0, occlusion=0.0, dropout=0.0)


def same(first: Clip, second: Clip) -> bool:
    return first.info == second.info and np.array_equal(first.joints, second.joints)


@given(st.integers(0, 10**7), st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 5))
@settings(max_examples=15)
def test_a_clip_is_a_function_of_configuration_and_index(index, seed, subjects, cameras):
    config = SyntheticConfig(seed=seed, subjects=subjects, cameras=cameras)
    first = synthetic_clip(config, index)
    synthetic_clip(config, index + 1)
    assert same(first, synthetic_clip(replace(config, clips=7), index))
    assert first.joints.dtype == np.float32
    assert np.isfinite(first.joints).all()


def test_streaming_and_jumping_give_the_same_clips_in_any_order():
    config = SyntheticConfig(clips=12)
    streamed = list(synthetic_clips(config))
    for index in (11, 3, 0, 7):
        assert same(streamed[index], synthetic_clip(config, index))
    assert all(map(same, streamed, islice(synthetic_clips(replace(config, clips=500)), 12)))


def test_seeds_differ():
    assert not same(synthetic_clip(SyntheticConfig(seed=0), 0), synthetic_clip(SyntheticConfig(seed=1), 0))


@pytest.mark.parametrize("layout", ["ntu25", "kinect20"])
def test_bones_keep_their_length_before_the_sensor(layout):
    config = replace(PERFECT, layout=layout)
    parents = layout_by_name(layout).parents
    for index in range(0, 60, 3):
        joints = synthetic_clip(config, index).joints
        assert joints.shape[2:] == (len(layout_by_name(layout).joints), 3)
        lengths = np.linalg.norm(joints - joints[:, :, parents], axis=-1)
        np.testing.assert_allclose(lengths, np.broadcast_to(lengths[:, :1], lengths.shape), atol=2e-6)


def test_both_layouts_show_the_same_motion():
    kinect, ntu = (synthetic_clip(replace(PERFECT, layout=layout), 5).joints for layout in ("kinect20", "ntu25"))
    np.testing.assert_array_equal(kinect[:, :, [0, 1, 2]], ntu[:, :, [0, 1, 20]])
    np.testing.assert_array_equal(kinect[:, :, 3:], ntu[:, :, 3:20])


def test_views_of_one_performance_differ_by_a_rigid_motion_only():
    for start in (0, 27, 48, 57):
        views = [synthetic_clip(PERFECT, start + camera) for camera in range(3)]
        assert [view.info.columns["camera"] for view in views] == [1, 2, 3]
        points = [view.joints.reshape(-1, 3).astype(np.float64) for view in views]
        centred = [one - one.mean(axis=0) for one in points]
        for other in centred[1:]:
            left, _, right = np.linalg.svd(other.T @ centred[0])
            rotation = left @ np.diag([1, 1, np.sign(np.linalg.det(left @ right))]) @ right
            np.testing.assert_allclose(centred[0] @ rotation.T, other, atol=1e-5)
        assert np.abs(points[0] - points[1]).max() > 0.1


def test_people_do_the_same_thing_differently():
    clips = [synthetic_clip(PERFECT, 60 * turn) for turn in range(6)]
    assert {clip.label for clip in clips} == {0}
    assert len({clip.info.columns["subject"] for clip in clips}) == 6
    assert len({clip.frames for clip in clips}) > 2
    bones = {np.linalg.norm(clip.joints[0, 0, 5] - clip.joints[0, 0, 4]).round(4) for clip in clips}
    assert len(bones) == 6


@pytest.mark.parametrize("two_person", [True, False])
def test_every_prefix_is_balanced(two_person):
    config = SyntheticConfig(two_person=two_person)
    takes = [take_at(config, index) for index in range(3000)]
    for size in (250, 1000, 1234, 3000):
        labels = Counter(take.label for take in takes[:size])
        assert set(labels) == set(range(len(config.classes)))
        assert max(labels.values()) - min(labels.values()) <= config.cameras
        odd = sum(take.subject % 2 for take in takes[:size]) / size
        low = sum(take.subject <= config.subjects // 2 for take in takes[:size]) / size
        assert abs(odd - 0.5) < 0.1
        assert abs(low - 0.5) < 0.1


def test_a_subject_performs_a_class_once_a_round_and_every_clip_has_its_own_name():
    config = SyntheticConfig(subjects=7)
    takes = [take_at(config, index) for index in range(len(SYNTHETIC_CLASSES) * 7 * 3 * 2)]
    rounds = Counter((take.label, take.subject, take.repetition, take.camera) for take in takes)
    assert set(rounds.values()) == {1}
    assert max(take.repetition for take in takes) == 2
    assert len({take.id for take in takes}) == len(takes)
    assert takes[0].id == "S001C001P001R001A001"
    assert take_at(config, 10**7).id.startswith("S001C002P00")


def test_two_persons_occur_only_when_wanted():
    persons = [clip.persons for clip in synthetic_clips(SyntheticConfig(clips=60))]
    assert persons == [1] * 48 + [2] * 12
    alone = SyntheticConfig(clips=60, two_person=False)
    assert all(clip.persons == 1 for clip in synthetic_clips(alone))
    assert alone.classes == SYNTHETIC_CLASSES[:16]


def test_memory_does_not_grow_with_the_number_of_clips():
    stream = synthetic_clips(SyntheticConfig(clips=10**9))
    for _ in islice(stream, 60):
        pass
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in islice(stream, 240):
        pass
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 2**20


@pytest.mark.parametrize(
    ("name", "value"), [("clips", -1), ("subjects", 0), ("cameras", 0), ("noise", -0.5), ("seed", -3)]
)
def test_impossible_settings_are_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        replace(SyntheticConfig(), **{name: value})


def test_an_unknown_layout_is_refused():
    with pytest.raises(LayoutError, match="ntu25"):
        SyntheticConfig(layout="ntu52")


@pytest.mark.parametrize("layout", ["hand21", Layout.from_graph("own", ("a", "b", "left knee"), ((0, 1, 2),))])
def test_a_layout_that_is_not_of_the_human_body_is_refused(layout):
    with pytest.raises(ConfigError, match="few of its joints"):
        SyntheticConfig(layout=layout)


def test_the_joints_are_those_recorded_for_earlier_versions():
    digests = {}
    for layout in ("ntu25", "kinect20"):
        joints = [synthetic_clip(SyntheticConfig(layout=layout), index).joints for index in (0, 7, 50, 113)]
        digests[layout] = [float(np.abs(one.astype(np.float64)).sum().round(3)) for one in joints]
    assert digests == RECORDED


@pytest.mark.parametrize("layout", ["coco17", "mediapipe33", "kinect32", "smpl24", "halpe26", "h36m17"])
def test_clips_of_other_layouts_are_the_same_motion(layout):
    clip, base = (synthetic_clip(replace(PERFECT, layout=name), 50) for name in (layout, "ntu25"))
    assert clip.info == base.info
    assert clip.joints.shape == (*base.joints.shape[:2], len(layout_by_name(layout).joints), 3)
    names = [canonical(name) for name in layout_by_name(layout).joints]
    for name in ("left shoulder", "right elbow", "left knee"):
        expected = base.joints[:, :, layout_by_name("ntu25").joints.index(name)]
        np.testing.assert_array_equal(clip.joints[:, :, names.index(name)], expected)


def test_a_lost_person_has_confidence_zero_and_the_others_are_all_seen():
    config = SyntheticConfig(layout="coco17", dropout=5.0)
    clips = list(synthetic_clips(replace(config, clips=60)))
    lost = [clip for clip in clips if clip.confidence is not None]
    assert 2 < len(lost) < 40
    for clip in lost:
        assert clip.confidence is not None
        assert set(np.unique(clip.confidence)) == {0.0, 1.0}
        assert not clip.joints[clip.confidence == 0].any()
        assert clip.joints[clip.confidence == 1].any(axis=-1).all()
    assert all(clip.joints.any(axis=-1).all() for clip in clips if clip.confidence is None)


def test_random_actions_do_not_depend_on_the_named_ones():
    alone = SyntheticConfig(named=False, random_actions=4, cameras=1, subjects=1)
    assert alone.classes == tuple(f"random action {number}" for number in range(1, 5))
    for config in (replace(alone, named=True), replace(alone, named=True, two_person=False)):
        named = len(config.classes) - 4
        assert config.classes[named:] == alone.classes
        for number in range(4):
            assert np.array_equal(synthetic_clip(config, named + number).joints, synthetic_clip(alone, number).joints)


@given(st.integers(0, 10**6), st.integers(0, 10**4))
@settings(max_examples=40)
def test_random_programs_are_possible_and_every_subject_has_an_own_way(seed, number):
    program = random_program(seed, number)
    assert program == random_program(seed, number)
    for each in (program, own_way(program, np.random.default_rng(seed))):
        times = [time for time, _ in each.keys]
        assert times == sorted(times)
        assert (times[0], times[-1]) == (0.0, 1.0)
        assert all(set(pose) <= set(CHANNELS) for _, pose in each.keys)
        for _, pose in each.keys:
            for channel, angle in pose.items():
                low, high = LIMITS.get(channel.split()[-1], (-180, 180))
                assert low <= angle <= high
        assert all(swing.channel in CHANNELS for swing in each.swings)


def test_images_are_the_perspective_projection_of_bodies():
    bodies, images = (synthetic_clip(replace(PERFECT, channels=channels), 3).joints for channels in (3, 2))
    assert np.allclose(images, -1000 * bodies[..., :2] / bodies[..., 2:], atol=1e-2)
    head, foot = (layout_by_name("ntu25").joints.index(name) for name in ("head", "left foot"))
    assert (images[..., head, 1] < images[..., foot, 1]).all()
