"""Generation of the built-in data: each clip is a pure function of a configuration and an index."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from typing import Literal

import numpy as np

from psp.errors import ConfigError
from psp.skeleton.catalogue import open_layout
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip, ClipInfo
from psp.synthetic.body import as_layout, joints_on_body
from psp.synthetic.classes import ACTIONS, SYNTHETIC_CLASSES
from psp.synthetic.performance import perform
from psp.synthetic.randomness import CAMERA, SENSOR, generator
from psp.synthetic.sensor import Camera, draw_camera, in_image, lost_frames, measure, tracked

LEAST = {
    "clips": 0, "seed": 0, "subjects": 1, "cameras": 1, "random_actions": 0, "noise": 0, "occlusion": 0, "dropout": 0
}  # fmt: skip
"""The smallest value of each setting."""


@dataclass(frozen=True)
class SyntheticConfig:
    """Settings of the built-in data; `noise`, `occlusion` and `dropout` are strengths, 0 for a perfect sensor.

    `layout` is a built-in name, a YAML file or a Layout of the human body, whose joints are found by their names.
    With 2 `channels` a clip is the camera's image, in pixels, x to the right and y down.
    `named` says whether the named actions are generated, `two_person` whether also those of two persons, and
    `random_actions` how many random actions follow them. ConfigError for an unsuitable layout or a negative setting.
    """

    layout: str | Layout = "ntu25"
    channels: Literal[2, 3] = 3
    clips: int = 1200
    seed: int = 0
    subjects: int = 20
    cameras: int = 3
    two_person: bool = True
    named: bool = True
    random_actions: int = 0
    noise: float = 1.0
    occlusion: float = 1.0
    dropout: float = 1.0

    def __post_init__(self) -> None:
        joints_on_body(open_layout(self.layout))
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}.", remedy=f"Use {least} or more.")

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes that occur."""
        named = SYNTHETIC_CLASSES if self.two_person else tuple(ACTIONS)
        return (named if self.named else ()) + tuple(
            f"random action {number + 1}" for number in range(self.random_actions)
        )

    def action(self, label: int) -> int:
        """Return the number of the action that a label stands for, which does not depend on `two_person`."""
        first_random = len(self.classes) - self.random_actions
        return label if label < first_random else label - first_random + len(SYNTHETIC_CLASSES)


@dataclass(frozen=True)
class Take:
    """Which performance a clip shows and from which camera; numbers count from 1, the label from 0."""

    label: int
    subject: int
    repetition: int
    camera: int

    @property
    def id(self) -> str:
        """The clip's name, in the manner of NTU RGB+D; large numbers take more digits."""
        return f"S001C{self.camera:03}P{self.subject:03}R{self.repetition:03}A{self.label + 1:03}"

    @property
    def columns(self) -> dict[str, int]:
        """The known facts besides the label."""
        return {"subject": self.subject, "camera": self.camera, "setup": 1, "repetition": self.repetition}


def synthetic_clips(config: SyntheticConfig) -> Iterator[Clip]:
    """Yield all clips in order; memory does not grow with their number."""
    return (synthetic_clip(config, index) for index in range(config.clips))


def synthetic_clip(config: SyntheticConfig, index: int) -> Clip:
    """Return one clip; it depends only on `index` and the configuration, `config.clips` excepted."""
    take = take_at(config, index)
    performance = (config.action(take.label), take.subject, take.repetition)
    observed = _camera(config.seed, take.camera, config.cameras).view(perform(config.seed, *performance))
    rng = generator(config.seed, SENSOR, *performance, take.camera)
    joints = measure(observed, config.noise, config.occlusion, rng)
    joints = joints[:, ~lost_frames(observed.shape[1], config.dropout, rng)]
    seen = tracked(joints.shape[0], joints.shape[1], config.dropout, rng)
    joints[~seen] = 0
    made = as_layout(joints, open_layout(config.layout), seen)
    made = (made if config.channels == 3 else in_image(made)).astype(np.float32)
    confidence = None if seen.all() else np.repeat(seen[..., None], made.shape[2], axis=2).astype(np.float32)
    return Clip(ClipInfo(take.id, take.label, take.columns), made, confidence)


def take_at(config: SyntheticConfig, index: int) -> Take:
    """Return which performance clip `index` shows: the camera changes first, then the class, then the subject.

    Within a class every subject acts once before anyone repeats. The order of the subjects is such that odd and even
    as well as low and high numbers are about balanced among the first clips, however many there are.
    """
    performance, camera = divmod(index, config.cameras)
    turn, label = divmod(performance, len(config.classes))
    repetition, position = divmod(turn, config.subjects)
    subject = ((position + label) * _stride(config.subjects)) % config.subjects
    return Take(label, subject + 1, repetition + 1, camera + 1)


def _stride(subjects: int) -> int:
    """Return the number nearest to 0.618 `subjects` whose multiples, modulo `subjects`, reach every subject."""
    strides = (stride for stride in range(1, subjects + 1) if gcd(stride, subjects) == 1)
    return min(strides, key=lambda stride: abs(stride - 0.618 * subjects))


@lru_cache(maxsize=16)
def _camera(seed: int, number: int, cameras: int) -> Camera:
    return draw_camera(number, cameras, generator(seed, CAMERA, number))
