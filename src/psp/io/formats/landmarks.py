"""Landmarks of MediaPipe: the joints in a row of numbers, and the unit of the numbers.

The order is body, face mesh, hands: 33 landmarks of (x, y, z, visibility) or (x, y, z), 468 (or 478 refined ones) of
(x, y, z), then 21 of the left and 21 of the right hand. The face mesh is left out. A block of zeros means not
observed. Image landmarks are x and y in shares of width and height with z on the scale of x; world landmarks are in
metres with the middle of the hips at the origin. y points down.
https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from psp.io.format import Raw, Units
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.names import canonical

BODY, HAND, FACES = 33, 21, (0, 468, 478)
LEFT_HIP, RIGHT_HIP, NEAR, WIDE = 23, 24, 0.02, 3.0
"""The hips; the largest distance of their middle from the origin in world landmarks; the largest image landmark."""


@dataclass(frozen=True)
class Row:
    """The content of a row: how many numbers each landmark of the body has (0: no body), face landmarks, and hands."""

    body: int
    face: int
    hands: int

    @property
    def width(self) -> int:
        """The number of numbers in the row."""
        return self.body * BODY + 3 * (self.face + self.hands * HAND)


LANDMARKS_IN_A_ROW = {row.width: row for row in (Row(body, face, 2) for body in (3, 4) for face in FACES)}
"""Rows by their width, of widths that identify landmarks with certainty."""

LANDMARKS_IN_A_FILE = LANDMARKS_IN_A_ROW | {
    row.width: row for row in (Row(4, 0, 0), Row(3, 0, 0), Row(0, 0, 2), Row(0, 0, 1))
}
"""Rows by their width, in files that hold one frame."""

LAYOUTS = {(1, 2): "holistic75", (1, 0): "mediapipe33", (0, 2): "hands42", (0, 1): "hand21"}
"""The layout by (body, number of hands)."""

WITH_BODY = ("holistic75", "mediapipe33")

COUNTED = {bool(row.body) * BODY + row.face + row.hands * HAND: row for row in LANDMARKS_IN_A_FILE.values()}
COUNTED |= {BODY + face: Row(4, face, 0) for face in FACES}
"""Rows by their number of landmarks."""


def landmarks_of_rows(rows: Float64[np.ndarray, "t numbers"]) -> Raw:
    """Return the recording of rows whose width is one of LANDMARKS_IN_A_FILE."""
    row, frames = LANDMARKS_IN_A_FILE[rows.shape[1]], len(rows)
    body = rows[:, : row.body * BODY].reshape(frames, -1, row.body or 1)[..., :3] if row.body else rows[:, :0, None]
    hands = rows[:, row.width - 3 * row.hands * HAND :].reshape(frames, -1, 3)
    blocks = [block for block in (body, *np.split(hands, max(row.hands, 1), axis=1)) if block.shape[1]]
    joints = np.concatenate(blocks, axis=1)
    visible = np.ones(joints.shape[:2])
    if row.body == 4 and rows[:, 3 : 4 * BODY : 4].any():
        visible[:, :BODY] = rows[:, 3 : 4 * BODY : 4]
    return described(Raw(joints[None], visible[None], LAYOUTS[bool(row.body), row.hands]))


def numbered(raw: Raw) -> Raw:
    """Return a recording of landmarks if it has no joint names and as many joints as landmarks, else as it is."""
    row = COUNTED.get(raw.joints.shape[2])
    if row is None or raw.names or raw.layout is not None:
        return raw
    body, hands = bool(row.body), row.hands
    chosen = [*range(body * BODY), *range(raw.joints.shape[2] - hands * HAND, raw.joints.shape[2])]
    confidence = None if raw.confidence is None else raw.confidence[:, :, chosen]
    found = replace(raw, joints=raw.joints[:, :, chosen], confidence=confidence, layout=LAYOUTS[body, hands])
    return described(found)


def named(raw: Raw) -> Raw:
    """Return a recording of landmarks if the joints have their names, else as it is."""
    names = tuple(canonical(name.lower().replace("finger", "")) for name in raw.names)
    for layout in ("holistic75", "mediapipe33", "hands42", "hand21"):
        known = [canonical(joint) for joint in layout_by_name(layout).joints]
        if sorted(names) == sorted(known):
            order = [names.index(joint) for joint in known]
            confidence = None if raw.confidence is None else raw.confidence[:, :, order]
            return described(replace(raw, joints=raw.joints[:, :, order], confidence=confidence, layout=layout))
    return raw


def described(raw: Raw) -> Raw:
    """Return a recording of landmarks with its units and the axis that points up.

    A body or hand whose numbers are all zero in a frame was not observed.
    """
    joints = _observed(raw.joints, BODY if raw.layout in WITH_BODY else HAND)
    known = joints[~np.isnan(joints).any(axis=3)]
    units: Units = "pixels"
    if raw.layout in WITH_BODY and joints.shape[3] == 3 and _centred(joints):
        units = "metres"
    elif not len(known) or np.abs(np.median(known[:, :2], axis=0)).max() < WIDE:
        units = "shares of the image"
    return replace(raw, joints=joints, units=units, up="-y")


def _centred(joints: Float64[np.ndarray, "m t v c"]) -> bool:
    """Return whether the middle of the hips is the origin in all frames."""
    hips = joints[:, :, [LEFT_HIP, RIGHT_HIP]].mean(axis=2)
    return bool(np.isfinite(hips).any() and np.nanmax(np.abs(hips)) < NEAR)


def _observed(joints: Float64[np.ndarray, "m t v c"], first: int) -> Float64[np.ndarray, "m t v c"]:
    """Return joints with NaN where a block is zero; the first block has `first` landmarks, the others are hands."""
    blocks = np.split(joints, range(first, joints.shape[2], HAND), axis=2)
    known = [np.where((each != 0).any(axis=(2, 3), keepdims=True), each, np.nan) for each in blocks]
    return np.concatenate(known, axis=2)
