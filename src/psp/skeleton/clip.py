"""One recorded action: the unit that readers produce and stores hold."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32


@dataclass(frozen=True, eq=False)
class Clip:
    """Joint positions of one action in metres, with what is known about it.

    `joints` has one entry per person, frame, joint and coordinate. A person who is not seen in a frame is all
    zeros there. `label` counts classes from 0; it is None where nobody labelled the clip. `subject`,
    `camera`, `setup` and `repetition` are the recording's own numbers, 0 where the data set has none.
    """

    id: str
    joints: Float32[np.ndarray, "m t v 3"]
    label: int | None = None
    subject: int = 0
    camera: int = 0
    setup: int = 0
    repetition: int = 0

    @property
    def persons(self) -> int:
        """How many persons the clip holds."""
        return self.joints.shape[0]

    @property
    def frames(self) -> int:
        """How many frames the clip holds."""
        return self.joints.shape[1]
