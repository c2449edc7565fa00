"""The simulated subjects: limb lengths, handedness, tempo, style and habits, drawn at random."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jaxtyping import Float

from psp.synthetic.body import body
from psp.synthetic.kinematics import CHANNELS, SIDES, free_channels
from psp.synthetic.pose import REST, Pose, arm
from psp.synthetic.program import channel_values

STATURE = (1.72, 0.09)
"""Mean and standard deviation in metres."""

LEFT_HANDED = 0.12
"""Share of the subjects who use the left hand."""

LIMBS: dict[str, dict[str, tuple[float, float, float]]] = {
    "trunk": {"spine middle": (0, 0.168, -0.006), "spine shoulder": (0, 0.125, 0)},
    "neck": {"neck": (0, 0.042, 0.002), "head": (0, 0.074, 0.016)},
    "shoulders": {"left shoulder": (0.098, -0.030, 0)},
    "upper arm": {"left elbow": (0, -0.155, 0)},
    "forearm": {"left wrist": (0, -0.140, 0)},
    "hand": {
        "left hand": (0, -0.042, 0),
        "left hand tip": (0, -0.045, 0),
        "left thumb": (-0.004, -0.028, 0.026),
    },
    "hips": {"left hip": (0.047, -0.022, 0)},
    "thigh": {"left knee": (0, -0.232, 0)},
    "shin": {"left ankle": (0, -0.222, 0)},
    "foot": {"left foot": (0.006, -0.036, 0.070)},
}
"""The offset of each joint from its parent in a person who stands upright, as a share of the stature (left side)."""


@dataclass(frozen=True, eq=False)
class Subject:
    """One person: `offsets` are the bones at rest in metres, the other fields describe how this person moves.

    `gain` multiplies the distance of each angle from rest, `habit` holds the angles that a program does not set,
    `delay` is the share of the performance by which an angle lags behind, `preference` in [0, 1) selects a variant.
    """

    offsets: Float[np.ndarray, "v 3"]
    left_handed: bool
    tempo: float
    gain: Float[np.ndarray, "a"]
    habit: Float[np.ndarray, "a"]
    delay: Float[np.ndarray, "a"]
    preference: float


TRUNK_DEVIATION: Pose = {"lean": 2, "bend": 5, "side": 2, "twist": 3, "nod": 6, "cock": 3, "gaze": 6}
LIMB_DEVIATION: Pose = {"raise": 4, "out": 15, "roll": 10, "elbow": 10, "apart": 2, "turnout": 5}
"""Standard deviation, in degrees, of the habitual angles among subjects."""

IDLE_ARMS: tuple[Pose, ...] = ({}, arm(18, 20, 35, 75, "left"), arm(-40, -45, 0, 95, "left"))
"""Poses of the arm that an action does not use: it hangs, is held before the belly, or rests on the hip."""


def draw_subject(rng: np.random.Generator) -> Subject:
    """Return a random person; the same generator state gives the same person."""
    preference, idle = rng.random(), rng.choice(len(IDLE_ARMS), p=(0.7, 0.18, 0.12))
    amplitude = np.exp(rng.normal(0, 0.07))
    habit = channel_values(REST | IDLE_ARMS[idle])
    return Subject(
        offsets=limb_offsets(rng),
        left_handed=bool(rng.random() < LEFT_HANDED),
        tempo=float(np.exp(rng.normal(0, 0.16))),
        gain=amplitude * np.exp(rng.normal(0, 0.04, len(CHANNELS)) * free_channels()),
        habit=habit + rng.normal(0, 1, len(CHANNELS)) * _habit_deviation(),
        delay=rng.uniform(0, 0.04, len(CHANNELS)) * free_channels(),
        preference=preference,
    )


def draw_partner(person: Subject, rng: np.random.Generator) -> Subject:
    """Return a random partner of `person`, nearly as tall, so that their hands meet."""
    partner = draw_subject(rng)
    taller = np.abs(person.offsets[:, 1]).sum() / np.abs(partner.offsets[:, 1]).sum()
    return replace(partner, offsets=partner.offsets * taller**0.7)


def restrained(person: Subject) -> Subject:
    """Return the same person with less individual amplitudes, for actions with a partner."""
    return replace(person, gain=person.gain**0.4)


def limb_offsets(rng: np.random.Generator) -> Float[np.ndarray, "v 3"]:
    """Return random bones at rest, in metres: a stature, and the length of every limb around its usual share of it."""
    stature = np.clip(rng.normal(*STATURE), 1.45, 2.0)
    offsets = np.zeros((len(body().joints), 3))
    for joints in LIMBS.values():
        length = stature * np.exp(rng.normal(0, 0.05))
        for name, direction in joints.items():
            left = body().joints.index(name)
            right = body().mirror[left]
            offsets[right] = length * np.array(direction) * (-1, 1, 1)
            offsets[left] = length * np.array(direction)
    return offsets


@cache
def _habit_deviation() -> Float[np.ndarray, "a"]:
    limbs = {f"{side} {name}": degrees for side in SIDES for name, degrees in LIMB_DEVIATION.items()}
    return channel_values(TRUNK_DEVIATION | limbs)
