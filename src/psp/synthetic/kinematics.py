"""Forward kinematics: the joint angles of one person over time become joint positions.

A person's own axes are x to the left, y up, z forward (right-handed, metres). All joints are those of
the ntu25 layout; other layouts take a subset of them.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, Int

from psp.synthetic.body import body

SIDES = ("left", "right")
TRUNK_CHANNELS = ("turn", "lean", "tilt", "swivel", "bend", "side", "twist", "nod", "cock", "gaze")
LIMB_CHANNELS = ("raise", "out", "roll", "elbow", "wrist", "hip", "apart", "turnout", "knee", "toe")
CHANNELS = (*TRUNK_CHANNELS, *(f"{side} {name}" for side in SIDES for name in LIMB_CHANNELS), "lift")
"""The angles, in degrees, that a motion program may set; `lift` is the height of a jump in centimetres."""

STANCE_SOFTNESS = 0.015
"""The difference in height of the feet, in metres, over which the weight shifts from one foot to the other."""


@dataclass(frozen=True)
class Segment:
    """A rigid piece of the body: its rotation relative to `parent` is the product of turns about `axes`.

    `turns` names the channel of each turn with its sign and share. Legs and feet hang on `heading` instead of
    the pelvis, so that a bow leaves the legs upright and the feet flat.
    """

    parent: str | None
    axes: str
    turns: tuple[tuple[str, float], ...]
    carries: tuple[str, ...] = ()


def _limbs(side: str, out: float) -> dict[str, Segment]:
    arm = ((f"{side} out", out), (f"{side} raise", -1.0), (f"{side} roll", -out))
    leg = ((f"{side} hip", -1.0), (f"{side} apart", out), (f"{side} turnout", out))
    sole = ((f"{side} toe", 1.0), (f"{side} turnout", out))
    hand = (f"{side} hand", f"{side} hand tip", f"{side} thumb")
    return {
        f"{side} upper arm": Segment("chest", "yxy", arm, (f"{side} elbow",)),
        f"{side} forearm": Segment(f"{side} upper arm", "x", ((f"{side} elbow", -1.0),), (f"{side} wrist",)),
        f"{side} palm": Segment(f"{side} forearm", "z", ((f"{side} wrist", -out),), hand),
        f"{side} thigh": Segment("heading", "xzy", leg, (f"{side} knee",)),
        f"{side} shin": Segment(f"{side} thigh", "x", ((f"{side} knee", 1.0),), (f"{side} ankle",)),
        f"{side} sole": Segment("heading", "xy", sole, (f"{side} foot",)),
    }


SPINE_TURNS = (("bend", 0.5), ("side", 0.5), ("twist", 0.5))
SEGMENTS: dict[str, Segment] = {
    "heading": Segment(None, "y", (("turn", 1.0),), ("spine base",)),
    "pelvis": Segment("heading", "xzy", (("lean", 1.0), ("tilt", 1.0), ("swivel", 1.0)), ("left hip", "right hip")),
    "waist": Segment("pelvis", "xzy", SPINE_TURNS, ("spine middle",)),
    "chest": Segment("waist", "xzy", SPINE_TURNS, ("spine shoulder", "left shoulder", "right shoulder")),
    "skull": Segment("chest", "xzy", (("nod", 1.0), ("cock", 1.0), ("gaze", 1.0)), ("neck", "head")),
    **_limbs("left", 1.0),
    **_limbs("right", -1.0),
}


def positions(angles: Float[np.ndarray, "t a"], offsets: Float[np.ndarray, "v 3"]) -> Float[np.ndarray, "t v 3"]:
    """Return the joints of a person who stands on the floor (y = 0) and starts at the origin.

    x_v = sum of R_u offset_u over v and its ancestors u; R_u is the rotation of the segment that carries u.
    """
    bones = np.einsum("ijvt,vj->ivt", segment_rotations(angles)[:, :, _carrier()], offsets)
    return _on_floor((_ancestors() @ bones).T, angles[:, CHANNELS.index("lift")] / 100)


def turn_about_vertical(degrees: float) -> Float[np.ndarray, "3 3"]:
    """Return the rotation about y that takes z towards x."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def segment_rotations(angles: Float[np.ndarray, "t a"]) -> Float[np.ndarray, "3 3 s t"]:
    """Return each segment's rotation in the person's axes, in the order of SEGMENTS."""
    local = _local_rotations(_mixing() @ np.radians(angles).T)
    world = local.copy()
    for children, parents in _generations():
        world[:, :, children] = np.einsum("ijst,jkst->ikst", world[:, :, parents], local[:, :, children])
    return world


def _local_rotations(turns: Float[np.ndarray, "3 s t"]) -> Float[np.ndarray, "3 3 s t"]:
    """The product of three turns a segment, each by Rodrigues' formula I + sin(x) K + (1 - cos(x)) K^2."""
    identity, turned = np.eye(3)[:, :, None, None], []
    for angle, skew in zip(turns, _skews(), strict=True):
        square = np.einsum("ijs,jks->iks", skew, skew)
        turned.append(identity + skew[..., None] * np.sin(angle) + square[..., None] * (1 - np.cos(angle)))
    return np.einsum("ijst,jkst->ikst", np.einsum("ijst,jkst->ikst", turned[0], turned[1]), turned[2])


def _on_floor(joints: Float[np.ndarray, "t v 3"], lift: Float[np.ndarray, "t"]) -> Float[np.ndarray, "t v 3"]:
    """Return the joints with the lowest foot on the floor, moved so that the foot that carries the body is at rest."""
    soles = joints[:, _soles()].reshape(len(joints), 2, 2, 3)
    height = soles[..., 1].min(axis=2)
    weight = 1 / (1 + np.exp(np.clip((height - height[:, ::-1]) / STANCE_SOFTNESS, -50, 50)))
    steps = np.diff(soles.mean(axis=2), axis=0) * (weight[1:] + weight[:-1])[..., None] / 2
    shift = np.zeros((len(joints), 1, 3))
    shift[1:, 0] = -np.cumsum(steps.sum(axis=1), axis=0)
    shift[:, 0, 1] = lift - height.min(axis=1)
    return joints + shift


@cache
def free_channels() -> Float[np.ndarray, "a"]:
    """Return 1 for each angle to which variation may be added, 0 for the legs, so that the feet do not slide."""
    firm = ("hip", "apart", "turnout", "knee", "toe", "lift")
    return np.array([0.0 if channel.split()[-1] in firm else 1.0 for channel in CHANNELS])


@cache
def _mixing() -> Float[np.ndarray, "3 s a"]:
    """How much each channel turns each segment about its first, second and third axis."""
    mixing = np.zeros((3, len(SEGMENTS), len(CHANNELS)))
    for number, segment in enumerate(SEGMENTS.values()):
        for slot, (channel, share) in enumerate(segment.turns):
            mixing[slot, number, CHANNELS.index(channel)] = share
    return mixing


@cache
def _skews() -> Float[np.ndarray, "3 3 3 s"]:
    """The cross-product matrices of each segment's first, second and third axis; a missing axis is x."""
    cross = np.cross(np.eye(3)[:, None, :], np.eye(3)).transpose(0, 2, 1)
    axes = [["xyz".index(axis) for axis in segment.axes.ljust(3, "x")] for segment in SEGMENTS.values()]
    return cross[np.array(axes)].transpose(1, 2, 3, 0)


@cache
def _generations() -> tuple[tuple[list[int], list[int]], ...]:
    """Segments and their parents, generation by generation: parents are turned before their children."""
    names, known, generations = list(SEGMENTS), {"heading"}, []
    while len(known) < len(names):
        children = [name for name in names if name not in known and SEGMENTS[name].parent in known]
        parents = [names.index(str(SEGMENTS[name].parent)) for name in children]
        generations.append(([names.index(name) for name in children], parents))
        known.update(children)
    return tuple(generations)


@cache
def _carrier() -> Int[np.ndarray, "v"]:
    carrier = {joint: number for number, segment in enumerate(SEGMENTS.values()) for joint in segment.carries}
    return np.array([carrier[joint] for joint in body().joints])


@cache
def _ancestors() -> Float[np.ndarray, "v v"]:
    """Row v holds 1 for v and for every joint between it and the centre."""
    ancestors = np.eye(len(body().joints))
    for joint in range(len(ancestors)):
        at = joint
        while at != body().centre:
            at = int(body().parents[at])
            ancestors[joint, at] = 1
    return ancestors


@cache
def _soles() -> list[int]:
    return [body().joints.index(f"{side} {joint}") for side in SIDES for joint in ("ankle", "foot")]
