import numpy as np
import pytest

from psp.skeleton.clip import Clip


def test_a_clip_counts_its_persons_and_frames():
    clip = Clip("a", np.zeros((2, 7, 25, 3), dtype=np.float32), label=3)
    assert (clip.persons, clip.frames, clip.label) == (2, 7, 3)


@pytest.mark.parametrize("shape", [(7, 25, 3), (2, 7, 25, 2)])
def test_tests_notice_joints_of_another_shape(shape: tuple[int, ...]):
    with pytest.raises(Exception, match="joints"):
        Clip("a", np.zeros(shape, dtype=np.float32))
