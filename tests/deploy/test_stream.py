from dataclasses import replace

import numpy as np
import pytest

from psp.deploy.agreement import random_clip
from psp.deploy.clips import padded
from psp.deploy.load import load
from psp.deploy.predict import predict_files
from psp.deploy.stream import StreamingPredictor, Window
from psp.errors import ConfigError
from psp.evaluate.arrays import AS_GIVEN, InputError, recordings_of, store_of
from psp.evaluate.predict import predict_store
from psp.evaluate.trained import open_model
from psp.model.model_file import TrainedModel


@pytest.fixture(scope="module")
def models(trained, exported):
    """The same model for PyTorch and for onnxruntime."""
    return {"PyTorch": trained, "ONNX": exported}


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


@pytest.mark.parametrize("program", ["PyTorch", "ONNX"])
@pytest.mark.parametrize("lost", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("mark", [np.nan, 0.0, "confidence", "mask"])
def test_lost_joints_are_mended_as_in_a_recorded_file(models, tmp_path, program, lost, mark):
    """One person, frame by frame, against preparation and prediction of the file; however joints are marked."""
    draw = np.random.default_rng(7)
    clip = random_clip(draw, replace(open_model(models["PyTorch"]).interface, persons=1))[0, :40]
    gone = (draw.random(clip.shape[:2]) < lost) | np.isnan(clip).any(axis=2)
    np.save(tmp_path / "take.npy", np.where(gone[..., None], np.nan, clip))
    (expected,) = predict_files(models["PyTorch"], [tmp_path]).found
    stream = StreamingPredictor.open(models[program], window=len(clip))
    if mark == "confidence":
        found = [
            stream.push(np.nan_to_num(frame, nan=5.0), ~away * 0.5) for frame, away in zip(clip, gone, strict=True)
        ]
    elif mark == "mask":
        given = np.ma.array(np.nan_to_num(clip, nan=9.0), mask=np.broadcast_to(gone[..., None], clip.shape))
        found = [stream.push(frame) for frame in given]
    else:
        found = [stream.push(frame) for frame in np.where(gone[..., None], mark, clip)]
    np.testing.assert_allclose(found[-1], expected.probabilities, atol=1e-5)
    assert stream.ranked[0] == (expected.label, pytest.approx(expected.probability, abs=1e-5))
    assert [name for name, _ in sorted(stream.ranked)] == sorted(stream.classes)


def test_joints_of_little_confidence_are_mended_as_in_preparation(models, tmp_path):
    model = open_model(models["PyTorch"])
    repairs = replace(model.interface.clean, least_confidence=0.6)
    strict = TrainedModel(model.predictor, replace(model.interface, clean=repairs))
    strict.save(tmp_path / "strict.safetensors")
    clip = np.nan_to_num(random_clip(np.random.default_rng(7), replace(model.interface, persons=1))[0, :20], nan=1.0)
    doubtful = np.random.default_rng(8).random(clip.shape[:2]) < 0.2
    own, other = (
        StreamingPredictor.open(path, window=20) for path in (tmp_path / "strict.safetensors", models["PyTorch"])
    )
    for frame, away in zip(clip, doubtful, strict=True):
        found, expected = own.push(frame, np.where(away, 0.5, 0.7)), other.push(frame, np.where(away, 0.0, 0.7))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("program", ["PyTorch", "ONNX"])
def test_the_model_itself_takes_nan_as_not_observed(models, program):
    recogniser = load(models[program])
    clip = random_clip(np.random.default_rng(11), replace(recogniser.interface, persons=1))
    clip[0, 2:5, 3] = np.nan
    batch = padded([(clip, np.ones(clip.shape[:3]))], recogniser)
    np.testing.assert_allclose(recogniser.compute(batch), recogniser.predict([clip]), atol=1e-5)


def test_zeros_are_coordinates_where_the_origin_is_a_joint(trained):
    clip = random_clip(np.random.default_rng(2), replace(open_model(trained).interface, persons=1))[0, :9]
    clip = np.nan_to_num(clip, nan=1.0) - np.nan_to_num(clip[:, :1], nan=1.0)
    stream = StreamingPredictor.open(trained, window=9, zero_is_missing=False)
    found = [stream.push(frame) for frame in clip][-1]
    np.testing.assert_allclose(found, load(trained).predict([clip])[0], atol=1e-5)
    strict = StreamingPredictor.open(trained, window=9)
    assert np.abs([strict.push(frame) for frame in clip][-1] - found).max() > 1e-6


def test_onnxruntime_predicts_alike(models, trained):
    streams = [StreamingPredictor.open(path, every=3) for path in models.values()]
    for number, frame in enumerate(recording(open_model(trained), 12).swapaxes(0, 1), 1):
        plain, other = (stream.push(frame) for stream in streams)
        assert (plain is None) == (other is None) == (number % 3 != 0)
        if plain is not None:
            np.testing.assert_allclose(plain, other, atol=1e-5)


def test_a_prediction_decays_while_nobody_is_observed(trained):
    stream = StreamingPredictor.open(trained, window=4)
    clip = recording(open_model(trained), 7)[0]
    last = [stream.push(frame) for frame in clip[:6]][-1]
    nobody = [np.full((25, 3), np.nan), None, np.zeros((2, 25, 3)), np.zeros((0, 25, 3))]
    found = [stream.push(frame) for frame in nobody]
    for number, each in enumerate(found[:3], 1):
        np.testing.assert_allclose(each, last * (1 - number / 4), rtol=1e-6)
    assert found[3] is None
    assert stream.ranked == []
    alone = StreamingPredictor.open(trained, window=4)
    np.testing.assert_allclose(stream.push(clip[6]), alone.push(clip[6]), atol=1e-6)


def test_frames_between_two_answers_count_when_the_person_leaves(trained):
    clip = recording(open_model(trained), 6)[0]
    stream, plain = StreamingPredictor.open(trained, every=4), StreamingPredictor.open(trained)
    for frame in [*clip[:6], None]:
        stream.push(frame)
        expected = plain.push(frame)
    np.testing.assert_allclose(stream.push(None), expected * (6 / 7), rtol=1e-5)


def test_nobody_is_not_recognised(trained):
    stream = StreamingPredictor.open(trained)
    assert stream.push(None) is None
    assert stream.push(np.full((2, 25, 3), np.nan)) is None
    assert stream.push(np.ones((2, 25, 3))) is not None


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.ones((25, 2)), r"shape \(25, 2\), not \(25, 3\)"),
        (np.ones((24, 3)), r"shape \(24, 3\)"),
        (np.ones((3, 25, 3)), r"1 to 2, 25, 3"),
        (np.ones((1, 2, 25, 3)), "shape"),
        (7.0, "shape"),
        (np.full((25, 3), np.inf), "exceeds"),
        (np.full((25, 3), -1e300), "exceeds"),
        (np.full((25, 3), "a"), "not an array of numbers"),
        ([[1, 2, 3], [4]], "not an array of numbers"),
        ([[None] * 3] * 25, "not an array of numbers"),
        (np.ones((25, 3)) * 1j, "not an array of numbers"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused_and_leaves_no_trace(trained, frame, message):
    stream, other = StreamingPredictor.open(trained), StreamingPredictor.open(trained)
    first, second = recording(open_model(trained), 2)[0]
    for each in (stream, other):
        each.push(first)
    with pytest.raises(InputError, match=message):
        stream.push(frame)
    np.testing.assert_array_equal(stream.push(second), other.push(second))


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "setting", [{"every": 0}, {"every": 1.5}, {"every": "5"}, {"window": 0}, {"window": 10**12}, {"window": 10.0}]
)
def test_impossible_settings_are_refused(trained, setting):
    (name,) = setting
    with pytest.raises(ConfigError, match=f"{name}: .* out of range. Use a whole number of frames from 1"):
        StreamingPredictor.open(trained, **setting)


def test_nothing_is_recognised_without_its_frame_or_confidence(trained):
    with pytest.raises(InputError, match="the confidence has the shape"):
        StreamingPredictor.open(trained).push(np.ones((25, 3)), np.ones(24))
    with pytest.raises(ConfigError, match="empty"):
        _ = Window(3).joints
