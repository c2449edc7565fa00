"""JSON of Azure Kinect's offline processor: one recording per file.

A file is {joint_names: [32], bone_list, frames: [{frame_id, timestamp_usec, bodies: [{body_id,
joint_positions: `[32][3]`, joint_orientations}]}]}. Positions are millimetres in the coordinates of the depth camera: x
right, y down, z forward. There is no confidence. `body_id` is a track, which may change. Source:
offline_processor/main.cpp of microsoft/Azure-Kinect-Samples.
"""

from collections.abc import Sequence
from typing import Any

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw
from psp.io.formats.poses import Pose, recording_of
from psp.io.parse.json_text import REMEDY, array_of, frames_in, key_paths, member, members, read_json, whole_number


def recognises_azure(name: str, head: bytes) -> bool:
    """Return whether a file has the keys of the offline processor."""
    paths = key_paths(head)
    return ("k4abt_sdk_version",) in paths or ("frames", "[]", "bodies", "[]", "body_id") in paths


def parse_azure(files: Sequence[File]) -> list[Raw]:
    """Return the recording of a file."""
    (file,) = files
    content = read_json(file)
    frames, times = dict[int, list[Pose]](), dict[int, int]()
    for number, frame, where in frames_in(content, "frames", "frame_id", file.name):
        bodies = members(frame, "bodies", where)
        frames[number] = [_pose(body, f"{where}, body {body_place}") for body_place, body in enumerate(bodies)]
        if "timestamp_usec" in frame:
            times[number] = whole_number(frame["timestamp_usec"], f"{where}, timestamp_usec")
    names = members(content, "joint_names", file.name) if "joint_names" in content else []
    raw = recording_of(
        frames, file.name, up="-y", units="millimetres", fps=_fps(times), layout=None if names else "kinect32",
        names=tuple(map(str, names)),
    )  # fmt: skip
    if len(names or range(32)) != raw.joints.shape[2]:
        what = f"a body has {raw.joints.shape[2]} joints, {len(names or range(32))} are named."
        raise RecordingError(what, where=file.name, remedy=REMEDY)
    return [raw]


AZURE = Format(
    "azure-kinect", "Azure Kinect's offline processor, .json files", (".json",), recognises_azure, parse_azure
)  # fmt: skip


def _pose(body: Any, where: str) -> Pose:
    joints = array_of(member(body, "joint_positions", where), f"{where}, joint_positions")
    if joints.ndim != 2 or joints.shape[1] != 3 or not len(joints):
        what = "joint_positions are not three numbers a joint."
        raise RecordingError(what, where=where, remedy=REMEDY)
    return Pose(joints, track=whole_number(member(body, "body_id", where), f"{where}, body_id"))


def _fps(times: dict[int, int]) -> float | None:
    """Return frames a second by the numbers and times (in microseconds) of the first and the last frame."""
    if len(times) < 2:
        return None
    first, last = min(times), max(times)
    lasted = times[last] - times[first]
    return round((last - first) * 1e6 / lasted, 2) or None if lasted > 0 else None
