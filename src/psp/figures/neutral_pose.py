"""The positions of joints in drawings of a standing person, seen from the front, in tenths of a metre."""

CENTRE_AND_LEFT: dict[str, tuple[float, float]] = {
    "spine base": (0, 0), "spine 1": (0, 1.1), "spine middle": (0, 2.2), "spine shoulder": (0, 4.3),
    "neck": (0, 5.4), "head": (0, 6.7), "head top": (0, 8.9),
    "nose": (0, 7.4), "jaw": (0, 6.1), "left mouth": (0.45, 6.6), "left ear": (2.0, 7.3),
    "left eye inner": (0.4, 8.1), "left eye": (0.95, 8.5), "left eye outer": (1.5, 8.1),
    "left clavicle": (0.8, 4.7), "left shoulder": (1.7, 4.0), "left elbow": (3.1, 2.7), "left wrist": (4.4, 1.4),
    "left hand": (5.3, 0.5), "left hand tip": (6.1, -0.5), "left thumb": (5.7, 1.8), "left pinky": (5.2, -0.7),
    "left hip": (1.0, -0.7), "left knee": (1.3, -3.4), "left ankle": (1.5, -6.0), "left foot": (2.5, -6.8),
    "left small toe": (3.2, -6.4), "left heel": (0.9, -6.8),
}  # fmt: skip

NEUTRAL_POSE: dict[str, tuple[float, float]] = {
    **CENTRE_AND_LEFT,
    **{f"right{name.removeprefix('left')}": (-x, y) for name, (x, y) in CENTRE_AND_LEFT.items() if x},
}
"""Positions by the usual joint name, with an enlarged face; the person faces the reader, so left is on the right."""
