"""Built-in data: labelled motion of articulated bodies, seen by simulated depth cameras."""

from psp.synthetic.classes import SYNTHETIC_CLASSES
from psp.synthetic.generate import SyntheticConfig, synthetic_clip, synthetic_clips

__all__ = ["SYNTHETIC_CLASSES", "SyntheticConfig", "synthetic_clip", "synthetic_clips"]
