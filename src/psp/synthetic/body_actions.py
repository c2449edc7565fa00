"""Everyday actions of the whole body, written for a right-handed performer who faces forward."""

from psp.synthetic.pose import HOLD, Pose, arm, arms, leg, legs
from psp.synthetic.program import Program, Swing

SQUAT = legs(100, 122) | arm(61, 0, 20, 12) | arm(45, 30, 40, 60, "left") | {"lean": 30, "bend": 35, "nod": 10}
STOOP = legs(32, 32) | arm(95, 2, 20, 8) | arm(70, 10, 40, 25, "left") | {"lean": 66, "bend": 50}
PICK_UP = (
    Program(((0, {}), (0.4, SQUAT), (0.52, SQUAT), (1, HOLD)), seconds=2.5),
    Program(((0, {}), (0.42, STOOP), (0.54, STOOP), (1, HOLD)), seconds=2.4),
)

SEATED = legs(88, 88)
SEATED_BACK, SEATED_ARMS = SEATED | {"lean": -4}, SEATED | arms(22, 8, 40, 62)
LOWERING = legs(44, 51) | {"lean": 32, "bend": 12}
RISING = legs(82, 92) | {"lean": 36, "bend": 15}
SIT_DOWN = (
    Program(((0, {}), (0.4, LOWERING), (0.72, SEATED | {"lean": 8}), (1, SEATED_BACK))),
    Program(((0, {}), (0.4, LOWERING | arms(30, 5, 30, 20)), (0.75, SEATED_ARMS), (1, SEATED_ARMS))),
)
STAND_UP = (
    Program(((0, SEATED_BACK), (0.3, RISING), (0.55, LOWERING), (0.85, {}), (1, {}))),
    Program(((0, SEATED_ARMS), (0.3, RISING | arms(30, 5, 30, 35)), (0.85, {}), (1, {})), seconds=2.0),
)

SWUNG_BACK = leg("right", -22, 62, 50) | arm(25, 20, 30, 35, "left") | {"lean": 6}
KICKED = leg("right", 48, 8, -15) | {"lean": -8, "left knee": 14}
GUARD = arms(30, 40, 30, 70)
KNEE_UP = GUARD | leg("right", 55, 95, 35)
KICKED_HIGH = GUARD | leg("right", 84, 12, -38) | {"lean": -18, "left knee": 14}
DRAWN_IN, LOWERED = GUARD | leg("right", 50, 85, 25), leg("right", 40, 30, 5)
KICK = (
    Program(((0, {}), (0.35, SWUNG_BACK), (0.55, KICKED), (0.68, LOWERED), (1, {})), seconds=1.9),
    Program(((0, {}), (0.32, KNEE_UP), (0.52, KICKED_HIGH), (0.68, DRAWN_IN), (1, {})), seconds=2.0),
)

CROUCH, LANDED = legs(48, 64) | {"lean": 26, "bend": 12}, legs(38, 52) | {"lean": 17}
TAKE_OFF, TOUCH_DOWN = legs(4, 6, 38) | {"lift": 2}, legs(13, 15, 25) | {"lift": 2}
FLIGHT, HOP = legs(16, 28, 32) | {"lift": 32}, legs(12, 20, 30) | {"lift": 24}
SWINGING_ARMS = (
    (0.32, CROUCH | arms(-35, 5, 30, 20)),
    (0.46, TAKE_OFF | arms(100, 10, 20, 25)),
    (0.56, FLIGHT | arms(120, 15, 20, 30)),
    (0.66, TOUCH_DOWN | arms(60, 20, 20, 30)),
)
JUMP = (
    Program(((0, {}), *SWINGING_ARMS, (0.76, LANDED), (1, {})), seconds=1.9),
    Program(
        ((0, {}), (0.35, CROUCH), (0.48, TAKE_OFF), (0.57, HOP), (0.66, TOUCH_DOWN), (0.76, LANDED), (1, {})),
        seconds=1.8,
    ),
)

BOWED: Pose = {"lean": 38, "bend": 22, "nod": 12}
PRAYING = arms(25, 5, 55, 105)
PRAYING_BOWED = PRAYING | {"lean": 26, "bend": 18, "nod": 14}
BOW = (
    Program(((0, {}), (0.42, BOWED), (0.6, BOWED), (1, {}))),
    Program(((0, {}), (0.2, PRAYING), (0.45, PRAYING_BOWED), (0.6, PRAYING_BOWED), (1, {}))),
)

GAIT = legs(5, 31, 6) | arms(5, 8, 25, 24)
LEG_SWINGS = (
    Swing("right hip", 25), Swing("right knee", 27, 0.35), Swing("right toe", -20),
    Swing("left hip", 25, 0.5), Swing("left knee", 27, 0.85), Swing("left toe", -20, 0.5),
)  # fmt: skip
ARM_SWINGS = (Swing("right raise", 22, 0.5), Swing("left raise", 22), Swing("twist", 6), Swing("swivel", -4))
WALK = (
    Program(
        ((0, {}), (0.12, GAIT), (0.88, GAIT), (1, {})),
        LEG_SWINGS + ARM_SWINGS, cycles=(1.5, 2.6), window=(0.04, 0.96), seconds=2.4, facing=60.0,
    ),
)  # fmt: skip
