"""A clip seen as a recording keeps its joints and facts."""

import numpy as np

from psp.skeleton.recording import recording_of_clip
from psp.skeleton.clip import Clip


def test_a_person_is_seen_where_a_joint_is_not_zero() -> None:
    joints = np.ones((2, 3, 20, 3), dtype=np.float32)
    joints[1, :2] = 0
    recording = recording_of_clip(Clip("walk", joints, label=4, subject=1, camera=2, setup=3, repetition=5))
    assert recording.seen.tolist() == [[True] * 3, [False, False, True]]
    assert (recording.joints == joints).all()
    assert (recording.id, recording.label) == ("walk", 4)
    facts = (recording.subject, recording.camera, recording.setup, recording.repetition)
    assert facts == (1, 2, 3, 5)
