from pathlib import Path

import numpy as np
import pytest

from psp.errors import RecordingError
from psp.io.formats.write_ntu import write_ntu_folder, write_skeleton_file
from psp.skeleton.recording import Clip
from psp.synthetic import SyntheticConfig, synthetic_clip


def parse(path: Path) -> list[dict[str, np.ndarray]]:
    """Read a file as the data set's description says, refusing anything left over."""
    lines = iter(path.read_bytes().decode("ascii").split())
    frames = []
    for _ in range(int(next(lines))):
        bodies = {}
        for _ in range(int(next(lines))):
            body = next(lines)
            assert len([next(lines) for _ in range(9)]) == 9
            assert next(lines) == "25"
            bodies[body] = np.array([[float(next(lines)) for _ in range(12)] for _ in range(25)])
        frames.append(bodies)
    assert next(lines, None) is None
    return frames


def clip_of(label: int) -> Clip:
    return synthetic_clip(SyntheticConfig(), 3 * label)


@pytest.mark.parametrize("label", [0, 16, 18])
def test_what_is_written_can_be_read_back(tmp_path, label):
    clip = clip_of(label)
    write_skeleton_file(tmp_path / "clip.skeleton", clip)
    frames = parse(tmp_path / "clip.skeleton")
    assert len(frames) == clip.frames
    ids = list(dict.fromkeys(body for frame in frames for body in frame))
    assert len(ids) == clip.persons
    for person, body in enumerate(ids):
        read = np.stack([frame[body][:, :3] if body in frame else np.zeros((25, 3)) for frame in frames])
        np.testing.assert_allclose(read, clip.joints[person], rtol=6e-7)


def test_lines_look_like_the_original(tmp_path):
    write_skeleton_file(tmp_path / "clip.skeleton", clip_of(0))
    lines = (tmp_path / "clip.skeleton").read_text().splitlines()
    assert lines[1:2] + lines[3:4] == ["1", "25"]
    assert len(lines[2].split()) == 10
    assert lines[2].startswith("7205759403")
    assert {len(line.split()) for line in lines[4:29]} == {12}


def test_both_line_endings(tmp_path):
    for newline in ("\n", "\r\n"):
        write_skeleton_file(tmp_path / "clip.skeleton", clip_of(0), newline=newline)
        data = (tmp_path / "clip.skeleton").read_bytes()
        assert (b"\r\n" in data) == (newline == "\r\n")
        assert data.count(b"\n") == data.count(newline.encode())
        assert len(parse(tmp_path / "clip.skeleton")) == clip_of(0).frames


def test_orientations_turn_the_y_axis_along_the_bone(tmp_path):
    write_skeleton_file(tmp_path / "clip.skeleton", clip_of(0))
    rows = next(iter(parse(tmp_path / "clip.skeleton")[0].values()))
    w, x, y, z = rows[5, 7:11]
    turned = np.array([2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)])
    bone = rows[5, :3] - rows[4, :3]
    np.testing.assert_allclose(turned, bone / np.linalg.norm(bone), atol=1e-5)
    assert (rows[[3, 15, 19, 21, 22, 23, 24], 7:11] == 0).all()


def test_a_spurious_body_is_wide_and_only_in_the_last_frames(tmp_path):
    write_skeleton_file(tmp_path / "clip.skeleton", clip_of(0), spurious=20)
    frames = parse(tmp_path / "clip.skeleton")
    person = next(iter(frames[0]))
    assert [len(frame) for frame in frames] == [1] * (len(frames) - 20) + [2] * 20
    ghost = next(rows for body, rows in frames[-1].items() if body != person)
    assert np.ptp(ghost[:, 0]) > 2 * np.ptp(ghost[:, 1])


def test_a_person_who_is_not_seen_is_left_out(tmp_path):
    clip = clip_of(0)
    clip.joints[0, 4:6] = 0
    write_skeleton_file(tmp_path / "clip.skeleton", clip)
    assert [len(frame) for frame in parse(tmp_path / "clip.skeleton")[3:7]] == [1, 0, 0, 1]


def test_another_layout_is_refused(tmp_path):
    clip = synthetic_clip(SyntheticConfig(layout="kinect20"), 0)
    with pytest.raises(RecordingError, match="20 joints"):
        write_skeleton_file(tmp_path / "clip.skeleton", clip)


def test_a_folder_holds_every_clip_under_its_name(tmp_path):
    config = SyntheticConfig(clips=5)
    assert write_ntu_folder(tmp_path / "raw", config, newline="\r\n") == 5
    names = sorted(path.name for path in (tmp_path / "raw").iterdir())
    assert names == sorted(f"{synthetic_clip(config, index).id}.skeleton" for index in range(5))
