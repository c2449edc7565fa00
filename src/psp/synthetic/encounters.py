"""Actions of two persons: a program for each, and where and when they touch."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from psp.synthetic.body import body
from psp.synthetic.pose import HOLD, arm, arms, leg
from psp.synthetic.program import Program, Swing


@dataclass(frozen=True)
class Encounter:
    """An action of two persons who face each other.

    They stand such that, at phase `touch`, the second person's `second_joint` lies `gap` metres (to the first
    person's left, ahead) of the first person's `first_joint`.
    """

    first: Program
    second: Program
    first_joint: str
    second_joint: str
    touch: float
    gap: tuple[float, float] = (0.0, 0.0)


CLASP = arm(42, -8, 18, 30)
CLASP_SWINGS = (Swing("right raise", 7), Swing("right elbow", 9, 0.5))
SHAKER = Program(((0, {}), (0.3, CLASP), (0.72, CLASP), (1, {})), CLASP_SWINGS, cycles=(2.0, 4.0), window=(0.3, 0.72))
SHAKE_HANDS = Encounter(SHAKER, SHAKER, "right hand", "right hand", touch=0.5)

COILED = arms(10, 0, 20, 125) | {"lean": -3}
STRETCHED = arms(74, 18, 50, 28) | {"lean": 14} | leg("right", 16, 14)
STARTLED = arms(30, 40, 40, 45) | {"lean": -10, "nod": -8}
STEP_BACK = (
    (0.52, STARTLED | leg("right", -22, 34, 15)),
    (0.64, STARTLED | leg("right", -18, 8, 12) | leg("left", 16, 10)),
    (0.78, leg("left", 2, 34)),
)
PUSH = Encounter(
    Program(((0, {}), (0.26, COILED), (0.42, STRETCHED), (0.54, STRETCHED), (0.8, {}), (1, {})), seconds=2.0),
    Program(((0, {}), (0.4, {}), *STEP_BACK, (0.92, {}), (1, {}))),
    "right hand",
    "spine shoulder",
    touch=0.42,
    gap=(0.12, 0.08),
)

OPEN, EMBRACE = arms(72, 45, 45, 30) | {"lean": 4}, arms(80, 2, 84, 74) | {"lean": 9, "bend": 4, "cock": 8}
STEP = (
    (0.12, leg("right", 30, 42, 8) | {"left hip": -4}),
    (0.24, leg("right", 18, 8) | leg("left", -18, 10, 18)),
    (0.40, OPEN | leg("right", 2, 10) | leg("left", 10, 36, 12)),
)
HUG = Encounter(
    Program(((0, {}), *STEP, (0.58, EMBRACE), (0.82, EMBRACE), (1, OPEN)), seconds=2.5),
    Program(((0, {}), (0.36, OPEN), (0.58, EMBRACE), (0.82, EMBRACE), (1, OPEN))),
    "spine shoulder",
    "spine shoulder",
    touch=0.7,
    gap=(0.05, 0.24),
)

GIVE = arm(51, 7, 35, 46)
HAND_OVER = Encounter(
    Program(((0, HOLD), (0.38, GIVE), (0.58, GIVE), (1, {}))),
    Program(((0, {}), (0.42, GIVE), (0.58, GIVE), (1, HOLD | {"nod": 12}))),
    "right hand",
    "right hand",
    touch=0.5,
    gap=(0.0, 0.05),
)


def meet(
    encounter: Encounter,
    first: Float[np.ndarray, "t v 3"],
    second: Float[np.ndarray, "t v 3"],
    phase: Float[np.ndarray, "t"],
) -> Float[np.ndarray, "2 t v 3"]:
    """Return the joints of both persons; the second is turned round and moved so that the two touch."""
    facing = second * np.array([-1, 1, -1])
    frame = int(np.abs(phase - encounter.touch).argmin())
    hand = first[frame, body().joints.index(encounter.first_joint)]
    other = facing[frame, body().joints.index(encounter.second_joint)]
    aside, ahead = encounter.gap
    return np.stack([first, facing + (hand - other) * (1, 0, 1) + (aside, 0, ahead)])
