"""Pickles of clips in a list, as DD-Net has them: a dict of `pose`, arrays (t, v, c), and `label`, a name for each.

JHMDB is published in this form: 15 joints of two coordinates. A file name such as `GT_train_1.pkl` states the part of
the split. https://github.com/fandulu/DD-Net
"""

import re
from collections.abc import Sequence

import numpy as np

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw
from psp.io.formats.ts import part_of
from psp.io.parse.csv_text import REMEDY
from psp.io.parse.pickles import load_restricted

BEGIN = re.compile(rb"(?:\x80[\x02-\x05]|\(d).{0,60}?(?:\x04\0{0,3}pose|\x05\0{0,3}label|'pose'|'label')", re.DOTALL)


def recognises_ddnet(name: str, head: bytes) -> bool:
    """Return whether a file is a pickle of a dict whose first key is pose or label."""
    return BEGIN.match(head) is not None and b"frame_dir" not in head


def parse_ddnet(files: Sequence[File]) -> list[Raw]:
    """Return the recordings of a file."""
    (file,) = files
    content = load_restricted(file.content, file.name)
    poses = content.get("pose") if isinstance(content, dict) else None
    labels = content.get("label") if isinstance(content, dict) else None
    if not isinstance(poses, list) or not isinstance(labels, list | tuple | np.ndarray) or len(labels) != len(poses):
        what = "this is not a dict of two lists 'pose' and 'label' of the same length."
        raise RecordingError(what, where=file.name, remedy=REMEDY)
    part = part_of(file.name)
    columns = {"part": part} if part else {}
    return [
        _recording(pose, label, columns, f"{file.name}, clip {number}")
        for number, (pose, label) in enumerate(zip(poses, labels, strict=True))
    ]


DDNET = Format(
    "ddnet", "pickles of clips in a list, as DD-Net has JHMDB", (".pkl",), recognises_ddnet, parse_ddnet,
    reads_to_list=True,
)  # fmt: skip


def _recording(pose: object, label: object, columns: dict[str, str], where: str) -> Raw:
    if not isinstance(pose, np.ndarray) or pose.dtype.kind not in "iuf" or pose.ndim != 3:
        what = "the pose is not an array (frames, joints, coordinates) of numbers."
        raise RecordingError(what, where=where, remedy=REMEDY)
    if not isinstance(label, str | int | np.str_ | np.integer):
        raise RecordingError("the label is neither text nor a whole number.", where=where, remedy=REMEDY)
    layout = "jhmdb15" if pose.shape[1:] == (15, 2) else None
    return Raw(pose[None], layout=layout, label=str(label) or None, columns=columns)
