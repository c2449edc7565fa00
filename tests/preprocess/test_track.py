"""Persons are followed through changes of id, gaps and detections in arbitrary order."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psp.io.parse.pickles import read_restricted
from psp.preprocess.bodies import BodyConfig
from psp.preprocess.clean import CleanConfig, clean
from psp.preprocess.track import recording_of_tracks, tracks_of
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.recording import ClipInfo, Recording

NTU25 = layout_by_name("ntu25")
FRAMES = 48


def person(aside: float = 0.0, frames: int = FRAMES) -> np.ndarray:
    """A body 1.7 m high that waves its arms and steps forwards."""
    cloud = np.linspace(-0.5, 0.5, 25)[:, None] * [0.4, 1.7, 0.3] + [aside, 0.1, 3]
    joints = np.repeat(cloud[None], frames, axis=0)
    joints[:, 4:12, 1] += 0.3 * np.sin(np.arange(frames) / 4 + aside)[:, None]
    joints[..., 2] += 0.01 * np.arange(frames)[:, None]
    return joints


def part(joints: np.ndarray, first: int, last: int) -> np.ndarray:
    """The frames from `first` to before `last`."""
    seen = (np.arange(len(joints)) >= first) & (np.arange(len(joints)) < last)
    return joints * seen[:, None, None]


def recording_of(*bodies: np.ndarray, detections: bool = False) -> Recording:
    joints = np.stack(bodies)
    return Recording(ClipInfo("clip"), joints, joints.any(axis=3).astype(np.float32), detections=detections)


def cleaned(*bodies: np.ndarray, detections: bool = False, **config: float) -> np.ndarray:
    recording = recording_of(*bodies, detections=detections)
    return clean(recording, NTU25, CleanConfig(bodies=BodyConfig(**config), drop_empty_frames=False))[0].joints


@given(
    st.lists(st.integers(2, FRAMES - 2), unique=True, min_size=1, max_size=4).map(sorted),
    st.integers(-6, 8),
    st.sampled_from(["alone", "with another", "with two others"]),
)
@settings(max_examples=30)
def test_a_person_whose_id_changes_is_one_person(changes: list[int], overlap: int, company: str) -> None:
    whole, others = person(), {"alone": [], "with another": [1.2], "with two others": [1.2, -1.1]}[company]
    ends = [0, *changes, FRAMES]
    parts = [part(whole, max(first - max(overlap, 0), 0), last + min(overlap, 0)) for first, last in pairwise(ends)]
    parts = [each for each in parts if each.any()]
    found = cleaned(*parts, *map(person, others), persons=1 + len(others))
    assert found.shape[0] == 1 + len(others)
    seen = np.any(parts, axis=(0, 2, 3))
    ours = found[np.abs(found[:, 0, :, 0].mean(axis=1)).argmin()]
    np.testing.assert_array_equal(ours[seen], whole[seen])
    assert np.abs(ours - whole)[:, 12:].max() < 0.3


def test_an_id_that_comes_back_and_one_in_its_gap_are_one_person() -> None:
    whole = person()
    found = cleaned(part(whole, 0, 15) + part(whole, 30, FRAMES), part(whole, 15, 30))
    np.testing.assert_array_equal(found, [whole])


def test_both_persons_change_their_ids() -> None:
    left, right = person(-0.8), person(0.8)
    bodies = [part(left, 0, 20), part(right, 0, 24), part(right, 22, FRAMES), part(left, 21, FRAMES)]
    found = cleaned(*bodies)
    assert found.shape[0] == 2
    for each in (left, right):
        nearest = found[np.abs(found - each).max(axis=(1, 2, 3)).argmin()]
        assert np.abs(nearest - each).max() < 0.05


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_nobody_jumps_to_the_place_of_another(order: tuple[int, ...]) -> None:
    left, right = person(-0.8), person(0.8)
    bodies = [part(left, 0, 20), part(left, 20, FRAMES), part(right, 20, FRAMES)]
    found = cleaned(*(bodies[number] for number in order))
    assert sorted(found[:, 0, 12, 0].round(1)) == [-0.8, 0.8]
    assert np.abs(np.diff(found, axis=1)).max() < 0.1
    found = cleaned(bodies[0], bodies[2])
    assert found.shape[0] == 2
    assert np.abs(np.diff(found, axis=1)).max() < 0.1


def test_a_body_reported_twice_is_one_person() -> None:
    whole = person()
    np.testing.assert_array_equal(cleaned(part(whole, 5, 40) + part(np.full_like(whole, 0.02), 5, 40), whole), [whole])


def test_joining_can_be_switched_off() -> None:
    whole = person()
    assert cleaned(part(whole, 0, 26), part(whole, 24, FRAMES), reach=0).shape[0] == 2


def furniture(aside: float, noise: float) -> np.ndarray:
    still = np.repeat(person(aside)[:1], FRAMES, axis=0)
    return still + np.random.default_rng(0).normal(0, noise, still.shape)


@pytest.mark.parametrize("noise", [0, 0.002, 0.01])
def test_a_body_that_never_moves_is_no_second_person(noise: float) -> None:
    still, lively = furniture(1.5, noise), person()
    np.testing.assert_array_equal(cleaned(still, lively), [lively])
    np.testing.assert_array_equal(cleaned(still), [still])
    assert len(cleaned(still, furniture(-1.5, noise))) == 2
    assert len(cleaned(still, lively, least_sway=0)) == 2


def test_somebody_who_stands_and_waits_is_a_second_person() -> None:
    sway = 0.008 * np.sin(np.arange(FRAMES) / 10)[:, None, None] * [1, 0, 1]
    assert len(cleaned(furniture(1.5, 0.002) + sway, person())) == 2


def test_arms_that_move_against_each_other_are_motion() -> None:
    beat = 0.2 * np.sin(np.arange(FRAMES) / 4)[:, None]
    standing = furniture(1.5, 0.002)
    standing[:, 4:8, 1] += beat
    standing[:, 8:12, 1] -= beat
    assert len(cleaned(standing, person())) == 2


@pytest.mark.parametrize("lost", [0, 0.1])
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_detections_in_any_order_are_followed(lost: float, scale: float) -> None:
    """Three persons cross, some detections are missing, and some are of nobody."""
    rng, frames = np.random.default_rng(1), 120
    way = np.sin(np.arange(frames) / 15 + np.array([[0], [2], [4]]))
    persons = np.stack([person(0.0, frames), person(0.05, frames), person(-0.05, frames)])
    persons[..., 0] += 1.5 * way[..., None]
    nobody = rng.uniform(-2, 2, (frames, 1, 3)) + person(0, frames)
    nobody[rng.random(frames) < 0.9] = 0
    persons[rng.random((3, frames)) < lost] = 0
    order = np.argsort(rng.random((4, frames)), axis=0)
    shuffled = np.take_along_axis(np.concatenate([persons, nobody[None]]), order[..., None, None], axis=0) * scale
    recording = recording_of(*shuffled[..., :2], detections=True)
    tracks, _ = tracks_of(recording, BodyConfig().reach)
    numbers, lengths = np.unique(tracks[tracks >= 0], return_counts=True)
    found = recording_of_tracks(recording, tracks, np.sort(numbers[np.argsort(-lengths)[:3]]))
    assert not found.detections
    for each in persons[..., :2] * scale:
        assert min(np.abs(each - joints).max() for joints in found.joints) < 0.05 * scale


@pytest.mark.parametrize("bodies", [BodyConfig(), None])
def test_one_detection_a_frame_of_two_persons_one_after_the_other(bodies: BodyConfig | None) -> None:
    left, right = person(-3), person(3)
    recording = recording_of(part(left, 0, 24) + part(right, 24, FRAMES), detections=True)
    found = clean(recording, NTU25, CleanConfig(bodies=bodies))[0].joints
    assert sorted(found[:, 0, 12, 0].round(1)) == [-3, 3]


def test_joints_that_were_not_observed_do_not_mislead() -> None:
    whole, rng = person(), np.random.default_rng(0)
    recording = recording_of(part(whole, 0, 24), part(whole, 24, FRAMES), person(1.2))
    lost = rng.random(recording.confidence.shape) < 0.3
    recording.confidence[lost] = 0
    recording.joints[lost] = 90
    assert len(clean(recording, NTU25, CleanConfig())[0].joints) == 2


def test_pieces_of_two_real_persons_find_together(shared_data: Path) -> None:
    """Two persons of NTU RGB+D, who hug, push and shake hands, are cut at random, with overlaps and gaps."""
    rng, config = np.random.default_rng(0), CleanConfig(fill_gaps=False, drop_empty_frames=False)
    for sequence in read_restricted(shared_data / "ntu-samples/raw_skes_data.pkl"):
        persons = np.zeros((2, sequence["num_frames"], 25, 3))
        for joints, tracked in zip(persons, sequence["data"].values(), strict=True):
            joints[tracked["interval"]] = tracked["joints"].reshape(-1, 25, 3)
        parts = []
        for joints in persons:
            ends = [0, *sorted(rng.choice(np.arange(5, len(joints) - 5), 2, replace=False)), len(joints)]
            overlap = rng.integers(-4, 6)
            pieces = [
                (first - max(overlap, 0), max(last + min(overlap, 0), first + 1)) for first, last in pairwise(ends)
            ]
            parts += [each for first, last in pieces if (each := part(joints, first, last)).any()]
        found = clean(recording_of(*(parts[place] for place in rng.permutation(len(parts)))), NTU25, config)[0].joints
        assert len(found) == 2
        for joints in found:
            seen = joints.any(axis=(1, 2))
            assert any((joints[seen] == each[seen]).all() for each in persons)
