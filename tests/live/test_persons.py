"""Persons followed through files of one frame each, and the persons of recorded files."""

import json
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from psp.deploy.foreign import Options
from psp.deploy.predict import predict_files
from psp.deploy.recogniser import Recogniser
from psp.deploy.stream import StreamingPredictor
from psp.live.frames import arriving_frames, recorded_frames
from psp.live.persons import Follower
from psp.model.model_file import TrainedModel, interface_of
from psp.model.predictor import make_predictor
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormaliseConfig
from psp.preprocess.track import MOST_GAP
from psp.skeleton.recording import ClipInfo, Recording
from runs import SMALL_RUN
from stores import own_store

SHAPE = np.random.default_rng(0).normal(size=(25, 2)) * 40
"""The joints of a person in pixels; the size of the body is about 55."""


@pytest.fixture(scope="module")
def recogniser():
    """An untrained model of two persons with COCO's joints in pixels, with the default choice of persons."""
    torch.manual_seed(0)
    store = own_store(None, "coco17")
    interface = replace(interface_of(store, SMALL_RUN.data, 2, {}), clean=CleanConfig(), normalise=NormaliseConfig())
    predictor = make_predictor(store.layout, 8, len(store.classes), SMALL_RUN.model, ("joint", "bone"), "mean")
    torch.nn.init.normal_(predictor.classifier("joint").linear.weight, std=3.0)
    return Recogniser(TrainedModel(predictor.eval(), interface))


def at(x: float) -> np.ndarray:
    """The joints (v, c) of a person at x."""
    return SHAPE + np.array([x, 0.0])


def walking(x: float, frames: int, speed: float = 4.0) -> np.ndarray:
    """The joints (t, v, c) of a person who walks from x to the right and waves."""
    time = np.arange(frames)[:, None]
    wave = 8 * np.sin(time / 5 + np.arange(25) / 9)
    return SHAPE + np.stack([x + speed * time + wave, 300 + wave], axis=-1)


def bodies(*joints: np.ndarray, confidence: float = 1.0) -> Recording:
    """One frame of detections."""
    given = np.stack(joints)[:, None, :17]
    return Recording(ClipInfo("now"), given, np.full(given.shape[:3], confidence, dtype=np.float32), "-y", None, True)


def slots(follower: Follower, *joints: np.ndarray) -> list[int | None]:
    """Which of the bodies is in each slot after a frame."""
    found = follower.place(bodies(*joints))
    seen = found.seen[:, 0]
    distance = np.abs(found.joints - np.stack(joints)[:, :17]).sum(axis=(2, 3))
    return [int(row.argmin()) if known else None for row, known in zip(distance, seen, strict=True)]


def write_frame(path, *joints: np.ndarray) -> None:
    people = [
        {"person_id": [-1], "pose_keypoints_2d": np.column_stack([each, np.ones(25)]).ravel().tolist()}
        for each in joints
    ]
    path.write_text(json.dumps({"version": 1.3, "people": people}))


def test_two_persons_in_files_of_one_frame_keep_their_slots(recogniser, tmp_path):
    """They pass each other, come in any order, and one is not seen for a while."""
    left, right = walking(100, 40), walking(600, 40, speed=-8.0)
    frames = arriving_frames(recogniser.interface, tmp_path, Options())
    assert next(frames) is None
    for number in range(40):
        shown = [left[number]] if 20 <= number < 25 else [left[number], right[number]]
        write_frame(tmp_path / f"a_{number:012}_keypoints.json", *shown[:: 1 if number % 3 else -1])
    found = [frame for frame in islice(frames, 60) if frame is not None]
    assert [frame.begins for frame in found] == [True] + [False] * 39
    joints, seen = np.stack([each.joints for each in found]), np.stack([each.confidence.any(1) for each in found])
    nose = 0
    own = int(np.abs(joints[0, :, nose] - left[0, 0]).sum(axis=1).argmin())
    np.testing.assert_allclose(joints[:, own, nose], left[:, 0])
    np.testing.assert_allclose(joints[seen[:, 1 - own], 1 - own, nose], right[seen[:, 1 - own], 0])
    assert seen[:, own].all()
    assert np.flatnonzero(~seen[:, 1 - own]).tolist() == [20, 21, 22, 23, 24]


def test_bodies_take_the_slots_that_are_free(recogniser):
    follower, (one, two, three, four) = Follower(recogniser.interface), (at(x) for x in (0, 500, 1000, 1500))
    assert slots(follower, one) == [0, None]
    assert slots(follower, one + 1, one + 3) == [0, None]  # reported twice
    assert slots(follower, three, two, one + 2) == [2, 0]  # one body too many
    assert slots(follower, one + 3) == [0, None]
    assert slots(follower, two, one + 4) == [1, 0]
    assert slots(follower, four, two) == [0, 1]


def test_a_person_who_moves_out_of_reach_keeps_the_slot(recogniser):
    follower = Follower(recogniser.interface)
    assert [slots(follower, at(200.0 * number)) for number in range(5)] == [[0, None]] * 5


def test_a_person_is_forgotten_after_a_while(recogniser):
    follower = Follower(recogniser.interface)
    assert slots(follower, SHAPE) == [0, None]
    nobody = bodies(SHAPE, confidence=0.0)
    for _ in range(MOST_GAP):
        assert not follower.place(nobody).confidence.any()
    assert slots(follower, SHAPE + 5) in ([0, None], [None, 0])


def test_the_surest_of_many_bodies_are_kept(recogniser):
    given = bodies(*(at(x) for x in (0, 500, 1000)))
    given = replace(given, confidence=given.confidence * np.float32([0.3, 0.8, 0.9])[:, None, None])
    np.testing.assert_array_equal(Follower(recogniser.interface).place(given).joints, given.joints[[2, 1]])


TABLE = np.repeat(SHAPE[None] + [900, 300], 70, axis=0)


@pytest.mark.parametrize("frames", [70, 8])
@pytest.mark.parametrize(
    "joints",
    [(TABLE, walking(100, 70)), (walking(100, 70), walking(600, 70, speed=-8.0)), (TABLE, TABLE + 500, walking(9, 70))],
)
def test_the_persons_of_a_played_file_are_those_of_a_prediction(recogniser, tmp_path, joints, frames):
    np.save(tmp_path / "take.npy", np.stack(joints)[:, :frames, :17])
    (expected,) = predict_files(recogniser, [tmp_path]).found
    stream = StreamingPredictor(recogniser, window=frames, zero_is_missing=False)
    for frame in recorded_frames(recogniser.interface, tmp_path, Options()):
        found = stream.push(frame.joints, frame.confidence)
    np.testing.assert_allclose(found, expected.probabilities, atol=1e-5)
