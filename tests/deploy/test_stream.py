import numpy as np
import pytest

from psp.deploy.agreement import expected_probabilities, random_clip
from psp.deploy.export import export_onnx
from psp.deploy.stream import StreamingPredictor, Window
from psp.errors import ConfigError
from psp.skeleton.layouts import LAYOUTS
from psp.train.run import open_run


def recording(frames: int, persons: int = 2) -> np.ndarray:
    """A long clip; the second person comes late."""
    draw, clip = np.random.default_rng(5), np.zeros((persons, 0, 25, 3))
    while clip.shape[1] < frames:
        more = random_clip(draw, LAYOUTS["ntu25"], persons)
        if len(more) == persons:
            clip = np.concatenate([clip, more], axis=1)
    clip[1:, : frames // 2] = 0
    return clip[:, :frames]


def test_the_window_holds_the_latest_frames_in_order():
    window = Window(4)
    frames = np.arange(11.0)[:, None, None, None] * np.ones((1, 2, 5, 3))
    for number, frame in enumerate(frames, 1):
        window.push(frame)
        expected = np.swapaxes(frames[max(0, number - 4) : number], 0, 1)
        np.testing.assert_array_equal(window.joints, expected)
        assert window.joints.base is not None  # a view, not a copy


@pytest.mark.parametrize("length", [None, 13])
def test_every_answer_is_that_for_the_window_as_a_clip(trained, length):
    run, clip = open_run(trained), recording(30)
    stream = StreamingPredictor.open(trained, length)
    size = length or run.config.data.sample.frames
    answers, windows = [], []
    for last in range(30):
        answers.append(stream.push(clip[:, last]))
        window = clip[:, max(0, last + 1 - size) : last + 1]
        windows.append(window[window.any(axis=(1, 2, 3))])
    np.testing.assert_allclose(np.stack(answers), expected_probabilities(run, LAYOUTS["ntu25"], windows), atol=1e-5)


def test_onnxruntime_answers_alike(trained, tmp_path):
    export_onnx(trained, tmp_path / "recogniser.onnx")
    streams = [StreamingPredictor.open(path, every=3) for path in (trained, tmp_path / "recogniser.onnx")]
    for number, frame in enumerate(recording(12).swapaxes(0, 1), 1):
        plain, other = (stream.push(frame) for stream in streams)
        assert (plain is None) == (other is None) == (number % 3 != 0)
        if plain is not None:
            np.testing.assert_allclose(plain, other, atol=1e-5)


def test_nobody_is_not_recognised(trained):
    stream = StreamingPredictor.open(trained)
    assert stream.push(np.zeros((2, 25, 3))) is None
    assert stream.push(np.ones((2, 25, 3))) is not None


def test_impossible_frames_and_settings_are_refused(trained):
    with pytest.raises(ConfigError, match="count frames"):
        StreamingPredictor.open(trained, every=0)
    stream = StreamingPredictor.open(trained)
    stream.push(np.ones((2, 25, 3)))
    with pytest.raises(ConfigError, match="frame of shape"):
        stream.push(np.ones((1, 25, 3)))
    with pytest.raises(ConfigError, match="empty"):
        _ = Window(3).joints
