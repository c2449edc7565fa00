"""Motion logs, a made-up format: a first line with joint names, then a line of x, y, z of each joint for each frame."""

from collections.abc import Sequence

import numpy as np

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw


def recognises(name: str, head: bytes) -> bool:
    """Return whether a file is a motion log."""
    return head.startswith(b"motion log:")


def parse(files: Sequence[File]) -> list[Raw]:
    """Return the recording of a file."""
    (file,) = files
    first, *lines = file.content.decode("utf-8", "replace").splitlines()
    names = first.removeprefix("motion log:").split()
    try:
        joints = np.array([line.split() for line in lines], dtype=float).reshape(1, len(lines), len(names), 3)
    except ValueError as error:
        raise RecordingError(f"a line is damaged ({error}).", where=file.name, remedy="Record it again.") from None
    return [Raw(joints, names=tuple(names), up="z", units="metres", fps=50)]


MOTION_LOG = Format("motion-log", "motion logs, .mlog files", (".mlog",), recognises, parse)
