"""Where the joints of a standing person are, seen from the front (values only, in tenths of a metre)."""

CENTRE_AND_LEFT: dict[str, tuple[float, float]] = {
    "spine base": (0, 0), "hip centre": (0, 0),
    "spine middle": (0, 2.2), "spine": (0, 2.2),
    "spine shoulder": (0, 4.3), "shoulder centre": (0, 4.3),
    "neck": (0, 5.4), "head": (0, 6.7),
    "left shoulder": (1.7, 4.0), "left elbow": (3.1, 2.7), "left wrist": (4.4, 1.4), "left hand": (5.3, 0.5),
    "left hand tip": (6.1, -0.5), "left thumb": (5.7, 1.8),
    "left hip": (1.0, -0.7), "left knee": (1.3, -3.4), "left ankle": (1.5, -6.0), "left foot": (2.5, -6.8),
}  # fmt: skip

NEUTRAL_POSE: dict[str, tuple[float, float]] = {
    **CENTRE_AND_LEFT,
    **{f"right{name.removeprefix('left')}": (-x, y) for name, (x, y) in CENTRE_AND_LEFT.items() if x},
}
"""Positions by joint name; the person faces the reader, so their left is on the right."""
