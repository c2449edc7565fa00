"""Recordings, which readers produce, and clips, which data sets hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Float64

from psp.errors import RecordingError

Up = Literal["x", "y", "z", "-x", "-y", "-z", "none"]
"""The axis that points up; "-y" in image coordinates, "none" in images from above or where it is not known."""

LARGEST = 1e18
"""The largest coordinate: the square of what exceeds it, or is infinite, is no number of 32 bits."""


@dataclass(frozen=True)
class ClipInfo:
    """The known facts of a clip.

    `label` is an index into the classes of the reader or data set, None for an unlabelled clip. `columns` holds
    any further facts by name, such as subject, camera, setup or repetition.
    """

    id: str
    label: int | None = None
    columns: Mapping[str, int | float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise RecordingError for a number that no column can hold."""
        for name, value in self.columns.items():
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                remedy = "Rename or leave out this recording."
                raise RecordingError(f"its {name} is a number of more than 64 bits.", where=self.id, remedy=remedy)


@dataclass(frozen=True, eq=False)
class Recording:
    """The bodies that a sensor reported, one per entry of the first axis, in the sensor's coordinates.

    `joints` are 2 or 3 coordinates per body, frame and joint. `confidence` is in [0, 1]; 0 means that the joint was
    not observed, and its coordinates (finite, usually 0) mean nothing. `fps` is None where it is not known.
    `detections` says that the entries of a frame are detections in arbitrary order, as a pose estimator without
    tracking writes them: entries of different frames need not be the same person. `first` is the number of the first
    frame in what was recorded, where the recording is a part of it.
    """

    info: ClipInfo
    joints: Float64[np.ndarray, "m t v c"]
    confidence: Float32[np.ndarray, "m t v"]
    up: Up = "y"
    fps: float | None = None
    detections: bool = False
    first: int = 0

    @property
    def seen(self) -> Bool[np.ndarray, "m t"]:
        """Whether any joint of a body was observed in a frame."""
        return np.any(self.confidence, axis=2)


@dataclass(frozen=True, eq=False)
class Clip:
    """One prepared action: joints of persons over time.

    `confidence` is as in `Recording`; None means that every joint was observed.
    """

    info: ClipInfo
    joints: Float32[np.ndarray, "m t v c"]
    confidence: Float32[np.ndarray, "m t v"] | None = None

    @property
    def id(self) -> str:
        """The unique name of the clip."""
        return self.info.id

    @property
    def label(self) -> int | None:
        """The index of the class; None for an unlabelled clip."""
        return self.info.label

    @property
    def persons(self) -> int:
        """The number of persons."""
        return self.joints.shape[0]

    @property
    def frames(self) -> int:
        """The number of frames."""
        return self.joints.shape[1]


def recording_of_clip(clip: Clip, up: Up = "y", fps: float | None = None) -> Recording:
    """Return a clip as a recording in the coordinates of the clip; unknown confidence becomes 1."""
    shape = clip.joints.shape[:3]
    confidence = np.ones(shape, dtype=np.float32) if clip.confidence is None else clip.confidence
    return Recording(clip.info, clip.joints.astype(np.float64), confidence, up, fps)
