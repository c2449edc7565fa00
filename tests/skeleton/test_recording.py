import numpy as np
import pytest

from psp.skeleton.recording import Clip, ClipInfo, Recording, recording_of_clip

INFO = ClipInfo("walk", 3, {"subject": 2, "age": 31.5, "clinic": "north"})


def test_a_clip_counts_its_persons_and_frames_and_knows_its_facts():
    clip = Clip(INFO, np.zeros((2, 7, 25, 3), dtype=np.float32))
    assert (clip.id, clip.label, clip.persons, clip.frames) == ("walk", 3, 2, 7)
    assert ClipInfo("alone").columns == {}


@pytest.mark.parametrize("shape", [(7, 25, 3), (2, 7, 25, 2, 1)])
def test_tests_notice_joints_of_another_shape(shape: tuple[int, ...]):
    with pytest.raises(Exception, match="joints"):
        Clip(INFO, np.zeros(shape, dtype=np.float32))


def test_a_body_is_seen_in_frames_with_an_observed_joint_even_at_the_origin():
    confidence = np.zeros((2, 3, 4), dtype=np.float32)
    confidence[1, 2, 0] = 0.5
    recording = Recording(INFO, np.zeros((2, 3, 4, 2)), confidence, up="-y")
    assert recording.seen.tolist() == [[False] * 3, [False, False, True]]


def test_a_clip_as_a_recording_keeps_joints_facts_and_confidence():
    joints = np.random.default_rng(0).normal(size=(2, 3, 4, 2)).astype(np.float32)
    recording = recording_of_clip(Clip(INFO, joints), "-y", 25.0)
    assert recording.info is INFO
    assert (recording.joints == joints).all()
    assert (recording.confidence == 1).all()
    assert (recording.up, recording.fps) == ("-y", 25.0)
    confidence = np.zeros((2, 3, 4), dtype=np.float32)
    assert not recording_of_clip(Clip(INFO, joints, confidence)).seen.any()
