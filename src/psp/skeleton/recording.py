"""What readers produce: everything that a sensor took for a body, before anything is chosen or mended."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from psp.skeleton.clip import Clip


@dataclass(frozen=True, eq=False)
class RawRecording:
    """The bodies of one recorded action, metres, in the coordinates of the sensor.

    `joints` has one entry per body, frame, joint and coordinate; a frame in which `seen` is false is all zeros.
    Bodies stand in the order of their first appearance. The other fields are those of `Clip`.
    """

    id: str
    joints: Float64[np.ndarray, "m t v 3"]
    seen: Bool[np.ndarray, "m t"]
    label: int | None = None
    subject: int = 0
    camera: int = 0
    setup: int = 0
    repetition: int = 0


def recording_of_clip(clip: Clip) -> RawRecording:
    """View a clip as a recording; a person is seen where a joint is not zero."""
    about = (clip.label, clip.subject, clip.camera, clip.setup, clip.repetition)
    return RawRecording(clip.id, clip.joints.astype(np.float64), np.any(clip.joints, axis=(2, 3)), *about)
