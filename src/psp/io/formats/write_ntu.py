"""Writing of clips as raw NTU RGB+D `.skeleton` text files, to try readers without the recordings.

A file holds the number of frames; for every frame the number of bodies; for every body a line of ten values
(body id, clipped edges, confidence and state of the left and of the right hand, restricted, lean x, lean y,
tracking state), the number of joints and a line of twelve values for each joint: x y z in metres, depth image x y,
colour image x y, orientation w x y z, tracking state (1 guessed, 2 measured).
"""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from psp.errors import RecordingError
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip
from psp.synthetic.generate import SyntheticConfig, synthetic_clips

JOINTS, FIRST_BODY_ID = 25, 72057594037927936
DEPTH_CAMERA, COLOUR_CAMERA = (366.0, 258.0, 207.0), (1064.0, 974.0, 538.0)
"""Focal length and image centre in pixels of the two cameras of Kinect v2."""

Bodies = dict[int, Float32[np.ndarray, "t v 3"]]
"""Joints by body id; a body is absent in frames in which all its joints are zero."""


def write_skeleton_file(path: Path, clip: Clip, *, newline: str = "\n", spurious: int = 0) -> None:
    """Write one clip of layout ntu25; `newline` is "\\n" or "\\r\\n", both occur in the data set.

    Numbers have seven significant digits as in the original: the relative error of reading them is at most 5e-7. The
    last `spurious` frames have another body, as if furniture were taken for one, wider than high and still.
    RecordingError for a clip of another layout.
    """
    if clip.joints.shape[2:] != (JOINTS, 3):
        what = f"the clip has {clip.joints.shape[2]} joints of {clip.joints.shape[3]} coordinates, not {JOINTS} of 3."
        raise RecordingError(what, where=clip.id, remedy="Generate it with layout ntu25.")
    bodies = _bodies(clip, spurious)
    columns = {body: _joint_columns(joints) for body, joints in bodies.items()}
    lines = [str(clip.frames)]
    for frame in range(clip.frames):
        present = [body for body, joints in bodies.items() if joints[frame].any()]
        lines.append(str(len(present)))
        for body in present:
            lines += [_body_line(body, bodies[body][frame]), str(JOINTS)]
            lines += _joint_lines(columns[body][frame])
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline=newline)


def write_ntu_folder(folder: Path, config: SyntheticConfig, *, newline: str = "\n", spurious: int = 0) -> int:
    """Write every clip of a configuration as `folder`/ID.skeleton and return how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    for clip in synthetic_clips(config):
        write_skeleton_file(folder / f"{clip.id}.skeleton", clip, newline=newline, spurious=spurious)
    return config.clips


def _layout() -> Layout:
    return layout_by_name("ntu25")


def _bodies(clip: Clip, spurious: int) -> Bodies:
    """Return the joints of each body by an id that depends only on the clip's name."""
    number = zlib.crc32(clip.id.encode())
    bodies = {FIRST_BODY_ID + (number + 7 * person) % 2**20: joints for person, joints in enumerate(clip.joints)}
    if spurious:
        bodies[FIRST_BODY_ID + 2**20 + number % 2**20] = _furniture(clip.frames, spurious, number)
    return bodies


def _furniture(frames: int, spurious: int, number: int) -> Float32[np.ndarray, "t v 3"]:
    """Return a cloud of joints 0.9 m wide and 0.2 m high behind the scene, in the last frames only."""
    rng = np.random.default_rng(number)
    cloud = rng.uniform(-0.5, 0.5, (1, JOINTS, 3)) * (0.9, 0.2, 0.3) + (1.7, 0.0, 4.4)
    joints = cloud + rng.normal(0, 0.004, (frames, JOINTS, 3))
    joints[: max(frames - spurious, 0)] = 0
    return joints.astype(np.float32)


def _body_line(body: int, joints: Float32[np.ndarray, "v 3"]) -> str:
    lower, upper = joints[list(_layout().spine or ())]
    aside, _, ahead = (upper - lower) / max(float(np.linalg.norm(upper - lower)), 1e-6)
    return f"{body} 0 1 1 1 1 0 {aside:.7g} {ahead:.7g} 2"


def _joint_lines(rows: Float[np.ndarray, "v 12"]) -> Sequence[str]:
    return [" ".join([*(f"{value:.7g}" for value in row[:11]), str(int(row[11]))]) for row in rows.tolist()]


def _joint_columns(joints: Float32[np.ndarray, "t v 3"]) -> Float[np.ndarray, "t v 12"]:
    """Return the twelve values of every joint; the tracking state of a joint that does not move is "guessed"."""
    still = np.zeros(joints.shape[:2], dtype=bool)
    still[1:] = (joints[1:] == joints[:-1]).all(axis=2)
    state = np.where(still, 1.0, 2.0)[..., None]
    images = [_pixels(joints, *camera) for camera in (DEPTH_CAMERA, COLOUR_CAMERA)]
    return np.concatenate([joints, *images, _orientations(joints), state], axis=2, dtype=np.float64)


def _pixels(
    joints: Float32[np.ndarray, "t v 3"], focal: float, centre_x: float, centre_y: float
) -> Float[np.ndarray, "t v 2"]:
    """Return the projection by a pinhole camera, in pixels, y downwards."""
    slope = focal * joints[..., :2] / np.maximum(joints[..., 2:], 0.1)
    return np.array([centre_x, centre_y]) + slope * np.array([1, -1])


def _orientations(joints: Float32[np.ndarray, "t v 3"]) -> Float[np.ndarray, "t v 4"]:
    """Return the shortest rotation (w x y z) that takes the y axis to each joint's bone; zero at the ends of limbs.

    For a unit bone b it is (1 + b_y, b_z, 0, -b_x), normalised.
    """
    x, y, z = np.moveaxis(_unit(joints - joints[:, _layout().parents]), 2, 0)
    rotation = _unit(np.stack([1 + y, z, np.zeros_like(x), -x], axis=-1))
    ends = np.setdiff1d(np.arange(JOINTS), _layout().parents)
    rotation[:, ends] = 0
    return rotation


def _unit(vectors: Float[np.ndarray, "t v c"]) -> Float[np.ndarray, "t v c"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=2, keepdims=True), 1e-6)
