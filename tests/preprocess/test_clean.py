import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from psp.preprocess.clean import CleanConfig, clean
from psp.io.pickles import read_restricted
from psp.skeleton.recording import RawRecording
from psp.skeleton.layouts import LAYOUTS

NTU25 = LAYOUTS["ntu25"]
AS_SEEN = CleanConfig(fill_gaps=False)


def recording_of(*bodies: np.ndarray) -> RawRecording:
    joints = np.stack(bodies)
    return RawRecording("clip", joints, joints.any(axis=(2, 3)))


def cleaned(*bodies: np.ndarray, config: CleanConfig = AS_SEEN) -> np.ndarray:
    return clean(recording_of(*bodies), NTU25, config)[0].joints


def test_gaps_are_filled_linearly_and_ends_held():
    way = np.linspace([1.0, 2, 3], [2.0, 4, 6], 11)
    joints = np.repeat(way[None, :, None], 25, axis=2)
    holes, expected = joints.copy(), joints.copy()
    holes[0, 3:6] = holes[0, 7, 2] = holes[0, 9:] = holes[0, 0, 1] = 0
    expected[0, 9:], expected[0, 0, 1] = joints[0, 8], joints[0, 1, 1]
    found = cleaned(*holes, config=CleanConfig(drop_empty_frames=False))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_frames_without_anybody_go_before_gaps_are_filled():
    joints = np.arange(1.0, 451).reshape(2, 3, 25, 3)
    joints[:, 1] = 0
    joints[1, 0] = 0
    found = cleaned(*joints, config=CleanConfig(bodies=None))
    np.testing.assert_array_equal(found, [joints[0, [0, 2]], joints[1, [2, 2]]])


masks = st.lists(st.lists(st.booleans(), min_size=50, max_size=50), min_size=1, max_size=6).map(np.array)


@given(masks)
def test_cleaning_again_changes_nothing_and_what_was_seen_stays(mask):
    seen = mask.reshape(len(mask), 2, 25).transpose(1, 0, 2)
    joints = np.random.default_rng(0).uniform(1, 2, (*seen.shape, 3)) * seen[..., None]
    config = CleanConfig(bodies=None)
    once, _ = clean(recording_of(*joints), NTU25, config)
    kept = joints[:, seen.any(axis=(0, 2))]
    np.testing.assert_array_equal(once.joints[kept != 0], kept[kept != 0])
    again, changes = clean(once, NTU25, config)
    np.testing.assert_array_equal(again.joints, once.joints)
    assert not changes


def stages(shared_data) -> list[tuple[RawRecording, np.ndarray]]:
    folder, pairs = shared_data / "ntu-samples", []
    denoised = read_restricted(folder / "raw_denoised_joints.pkl")
    for clip, expected in zip(read_restricted(folder / "raw_skes_data.pkl"), denoised, strict=True):
        bodies = [np.zeros((clip["num_frames"], 25, 3)) for _ in clip["data"]]
        for joints, tracked in zip(bodies, clip["data"].values(), strict=True):
            joints[tracked["interval"]] = tracked["joints"].reshape(-1, 25, 3)
        pairs.append((recording_of(*bodies), expected.reshape(-1, 2, 25, 3).swapaxes(0, 1)))
    return pairs


def test_the_stages_of_ctr_gcn(shared_data):
    for recording, expected in stages(shared_data):
        mended, changes = clean(recording, NTU25, AS_SEEN)
        np.testing.assert_array_equal(mended.joints, expected)
        assert not changes


def test_training_clips_of_ctr_gcn_are_ours_moved_to_the_middle_of_the_spine(shared_data):
    clips = np.load(shared_data / "ntu-samples/NTU60_CV.npz")["x_train"]
    for (recording, _), clip in zip(stages(shared_data), clips, strict=True):
        joints = clean(recording, NTU25, AS_SEEN)[0].joints
        moved = np.where(joints.any(axis=(2, 3), keepdims=True), joints - joints[0, 0, 1], 0)
        published = clip.reshape(-1, 2, 25, 3).swapaxes(0, 1)
        np.testing.assert_allclose(published[:, : joints.shape[1]], moved, atol=1e-6)
        assert not published[:, joints.shape[1] :].any()
