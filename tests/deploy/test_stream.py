from dataclasses import replace

import numpy as np
import pytest

from psp.deploy.agreement import random_clip
from psp.deploy.export import export_onnx
from psp.deploy.stream import StreamingPredictor, Window
from psp.errors import ConfigError
from psp.evaluate.arrays import AS_GIVEN, recordings_of, store_of
from psp.evaluate.predict import predict_store
from psp.evaluate.trained import open_model


def recording(model, frames: int) -> np.ndarray:
    """A long clip of two persons; the second one comes late."""
    draw, clip = np.random.default_rng(5), np.zeros((2, 0, 25, 3))
    while clip.shape[1] < frames:
        more = random_clip(draw, model.interface)
        if len(more) == 2:
            clip = np.concatenate([clip, more], axis=1)
    clip[1:, : frames // 2] = np.nan
    return clip[:, :frames]


def test_the_window_holds_the_latest_frames_in_order():
    window = Window(4)
    frames = np.arange(11.0)[:, None, None, None] * np.ones((1, 2, 5, 3))
    for number, frame in enumerate(frames, 1):
        window.push(frame)
        expected = np.swapaxes(frames[max(0, number - 4) : number], 0, 1)
        np.testing.assert_array_equal(window.joints, expected)
        assert window.joints.base is not None  # not a copy


@pytest.mark.parametrize("length", [None, 13])
def test_every_prediction_is_that_for_the_window_as_a_clip(trained, length):
    model = open_model(trained)
    clip, stream = recording(model, 30), StreamingPredictor.open(trained, length)
    size = length or model.interface.data.resample.frames
    found, windows = [], []
    for last in range(30):
        found.append(stream.push(clip[:, last]))
        windows.append(clip[:, max(0, last + 1 - size) : last + 1])
    given = replace(model.interface, clean=AS_GIVEN)
    prepared = store_of(recordings_of(windows, given.layout, given.up), given)
    np.testing.assert_allclose(np.stack(found), predict_store(model, prepared).numpy(), atol=1e-5)


def test_onnxruntime_predicts_alike(trained, tmp_path):
    export_onnx(trained, tmp_path / "recogniser.onnx")
    streams = [StreamingPredictor.open(path, every=3) for path in (trained, tmp_path / "recogniser.onnx")]
    for number, frame in enumerate(recording(open_model(trained), 12).swapaxes(0, 1), 1):
        plain, other = (stream.push(frame) for stream in streams)
        assert (plain is None) == (other is None) == (number % 3 != 0)
        if plain is not None:
            np.testing.assert_allclose(plain, other, atol=1e-5)


def test_nobody_is_not_recognised(trained):
    stream = StreamingPredictor.open(trained)
    assert stream.push(np.full((2, 25, 3), np.nan)) is None
    assert stream.push(np.zeros((2, 25, 3))) is not None


def test_impossible_frames_and_settings_are_refused(trained):
    with pytest.raises(ConfigError, match="count frames"):
        StreamingPredictor.open(trained, every=0)
    stream = StreamingPredictor.open(trained)
    stream.push(np.ones((2, 25, 3)))
    with pytest.raises(ConfigError, match="frame of shape"):
        stream.push(np.ones((1, 25, 3)))
    with pytest.raises(ConfigError, match="empty"):
        _ = Window(3).joints
