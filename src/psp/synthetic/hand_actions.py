"""Everyday actions of the arms, written for a right-handed performer who faces forward.

Many differ only in a detail, as in real data sets: where a hand ends (drink, phone call, hat) or in which
order the poses come (put on, take off). Every action has variants, because people do things differently.
"""

from psp.synthetic.pose import HOLD, arm, arms
from psp.synthetic.program import Program, Swing

REACH = arm(31, 20, 33, 50)
MOUTH, MOUTH_WIDE = arm(77, -8, 24, 116) | {"nod": -6}, arm(103, 26, 44, 116) | {"nod": -6}
SIP, SIP_WIDE = MOUTH | {"nod": -24, "right raise": 87}, MOUTH_WIDE | {"nod": -24}
DRINK = (
    Program(((0, {}), (0.3, MOUTH), (0.45, SIP), (0.7, SIP), (1, {})), seconds=2.3),
    Program(((0, REACH), (0.35, MOUTH_WIDE), (0.5, SIP_WIDE), (0.65, SIP_WIDE), (1, HOLD)), seconds=2.2),
    Program(((0, HOLD), (0.3, MOUTH), (0.5, SIP), (0.68, SIP), (1, HOLD))),
)

EAR, EAR_WIDE = arm(101, 18, 16, 127) | {"cock": 8, "gaze": 8}, arm(118, 70, 14, 127) | {"cock": 10}
DIAL = HOLD | {"nod": 18}
PHONE_CALL = (
    Program(((0, {}), (0.28, EAR), (0.85, EAR), (1, EAR)), seconds=2.4),
    Program(((0, DIAL), (0.32, EAR_WIDE), (0.75, EAR_WIDE), (1, {})), seconds=2.3),
    Program(((0, {}), (0.22, DIAL), (0.45, EAR), (0.8, EAR), (1, {}))),
)

CROWN, ABOVE, BROW = arm(136, 43, 23, 90) | {"nod": 6}, arm(157, 15, 46, 35), arm(119, 20, 36, 88)
CROWN_BOTH, ABOVE_BOTH = arms(132, 38, 25, 95) | {"nod": 6}, arms(150, 10, 40, 45)
HOLD_BOTH = arms(18, 5, 40, 85)
PUT_ON_HAT = (
    Program(((0, HOLD), (0.4, ABOVE), (0.62, CROWN), (0.75, CROWN), (1, {}))),
    Program(((0, HOLD_BOTH), (0.4, ABOVE_BOTH), (0.62, CROWN_BOTH), (0.72, CROWN_BOTH), (1, {}))),
    Program(((0, HOLD), (0.45, BROW), (0.6, CROWN), (0.75, BROW), (1, {})), seconds=2.1),
)
TAKE_OFF_HAT = (
    Program(((0, {}), (0.3, CROWN), (0.42, CROWN), (0.6, ABOVE), (1, HOLD))),
    Program(((0, {}), (0.3, CROWN_BOTH), (0.4, CROWN_BOTH), (0.6, ABOVE_BOTH), (1, HOLD_BOTH))),
    Program(((0, {}), (0.3, BROW), (0.45, CROWN), (0.6, BROW), (1, HOLD)), seconds=2.1),
)

GREET, GREET_LOW, GREET_HIGH = arm(85, 78, 5, 95), arm(32, 35, -5, 128), arm(140, 50, 0, 30)
WAVE = (
    Program(
        ((0, {}), (0.22, GREET), (0.8, GREET), (1, {})),
        (Swing("right elbow", 26),), cycles=(2.0, 4.0), window=(0.15, 0.85),
    ),
    Program(
        ((0, {}), (0.22, GREET_LOW), (0.8, GREET_LOW), (1, {})),
        (Swing("right roll", 28),), cycles=(2.0, 4.0), window=(0.15, 0.85),
    ),
    Program(
        ((0, {}), (0.25, GREET_HIGH), (0.8, GREET_HIGH), (1, {})),
        (Swing("right out", 30),), cycles=(1.5, 3.0), window=(0.15, 0.85), seconds=2.5,
    ),
)  # fmt: skip

AHEAD = arm(88, 6, 20, 6)
ASIDE, UPWARD = arm(86, 75, 20, 6) | {"gaze": -45}, arm(118, 30, 20, 8) | {"nod": -15}
POINT = (
    Program(((0, {}), (0.35, AHEAD), (0.72, AHEAD), (1, {})), seconds=2.0),
    Program(((0, {}), (0.35, ASIDE), (0.7, ASIDE), (1, {}))),
    Program(((0, {}), (0.35, UPWARD), (0.7, UPWARD), (1, {}))),
)

WATCH = arm(53, 17, 70, 100, "left") | {"nod": 24, "gaze": 12}
WATCH_TOUCHED = WATCH | arm(38, 0, 70, 92)
CHECK_WATCH = (
    Program(((0, {}), (0.35, WATCH), (0.7, WATCH), (1, {})), seconds=1.9),
    Program(((0, {}), (0.35, WATCH), (0.5, WATCH_TOUCHED), (0.7, WATCH_TOUCHED), (1, {}))),
)

PALMS, PALMS_HIGH = arms(34, 46, 60, 96), arms(60, 30, 55, 90)
CLAP = (
    Program(
        ((0, {}), (0.18, PALMS), (0.85, PALMS), (1, {})),
        (Swing("left out", 24), Swing("right out", 24)), cycles=(3.0, 6.0), window=(0.1, 0.9),
    ),
    Program(
        ((0, {}), (0.2, PALMS_HIGH), (0.82, PALMS_HIGH), (1, {})),
        (Swing("left roll", 25), Swing("right roll", 25)), cycles=(3.0, 5.0), window=(0.12, 0.88),
    ),
)  # fmt: skip

DRAWN_BACK = arm(104, 105, -10, 105) | {"twist": -28, "lean": -6, "left hip": 12}
RELEASED = arm(98, 20, 30, 15) | {"twist": 22, "bend": 12}
FOLLOWED = arm(45, -15, 40, 25) | {"twist": 28, "bend": 20}
SWUNG_BACK = arm(-42, 0, 10, 12) | {"twist": -15, "bend": 8}
SWUNG, SWUNG_UP = arm(75, 5, 20, 12) | {"twist": 10}, arm(100, 5, 20, 20) | {"twist": 12}
THROW = (
    Program(((0, {}), (0.4, DRAWN_BACK), (0.58, RELEASED), (0.72, FOLLOWED), (1, {})), seconds=2.0),
    Program(((0, HOLD), (0.4, SWUNG_BACK), (0.6, SWUNG), (0.72, SWUNG_UP), (1, {})), seconds=2.0),
)
