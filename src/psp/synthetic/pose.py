"""Poses: the angles that a program sets, composed limb by limb."""

from psp.synthetic.kinematics import SIDES

Degrees = int | float

Pose = dict[str, Degrees]
"""Angles by channel; channels that are not named keep the habitual angle of the subject."""


def arm(raised: Degrees, out: Degrees, roll: Degrees, elbow: Degrees, side: str = "right") -> Pose:
    """Return the pose of one arm: elevation and azimuth of the upper arm, its inward roll, bend of the elbow.

    Elevation 0 hangs, 90 is level, 180 is up; azimuth 0 is forward, 90 to the arm's own side.
    """
    values = {"raise": raised, "out": out, "roll": roll, "elbow": elbow}
    return {f"{side} {name}": value for name, value in values.items()}


def arms(raised: Degrees, out: Degrees, roll: Degrees, elbow: Degrees) -> Pose:
    """Return the same pose for both arms."""
    return {name: value for side in SIDES for name, value in arm(raised, out, roll, elbow, side).items()}


def leg(side: str, hip: Degrees, knee: Degrees, toe: Degrees = 0) -> Pose:
    """Return the pose of one leg: thigh forward from the vertical, bend of the knee, toes below the level."""
    return {f"{side} hip": hip, f"{side} knee": knee, f"{side} toe": toe}


def legs(hip: Degrees, knee: Degrees, toe: Degrees = 0) -> Pose:
    """Return the same pose for both legs."""
    return {name: value for side in SIDES for name, value in leg(side, hip, knee, toe).items()}


STANCE = {"wrist": 8, "apart": 3, "turnout": 8}
REST: Pose = {f"{side} {name}": angle for side in SIDES for name, angle in STANCE.items()}
REST |= arms(7, 60, 50, 14) | legs(3, 6)
"""A person standing at ease."""

HOLD = arm(8, 10, 45, 88)
"""The pose of one arm that holds something before the belly."""
