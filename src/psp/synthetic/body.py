"""The simulated body, which has the joints of ntu25, and the positions of other layouts' joints on it."""

from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Int

from psp.errors import ConfigError
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.derive import neighbours_of, steps_from
from psp.skeleton.layout import Layout
from psp.skeleton.names import canonical, side

SAME: dict[str, str] = {
    "spine base": "pelvis|hip|hips|root|mid hip|hip centre|hip center",
    "spine middle": "spine|spine navel|spine 2|belly|torso|middle spine",
    "spine shoulder": "shoulder centre|shoulder center|thorax|chest|spine chest|spine 3|upper spine",
    "neck": "neck base|upper neck|head bottom|bottom head",
    "hand": "palm",
    "hand tip": "handtip|index|middle|finger|hand index",
    "foot": "toe|toes|foot index|big toe|toe base",
    "shoulder": "upper arm|up arm",
    "elbow": "forearm|lower arm",
    "head top": "top head",
    "clavicle": "collar",
    "hip": "up leg|upper leg|thigh",
    "knee": "shin|lower leg|calf",
}
"""Other names of the joints of the body and of those beside them, without sides."""

BESIDE: dict[str, tuple[str, tuple[float, float, float]]] = {
    "nose": ("head", (0, 0, 0.10)), "head top": ("head", (0, 0.12, 0)),
    "eye": ("head", (0.032, 0.035, 0.085)), "eye inner": ("head", (0.018, 0.035, 0.09)),
    "eye outer": ("head", (0.046, 0.035, 0.08)), "ear": ("head", (0.075, 0.015, 0)),
    "mouth": ("head", (0.025, -0.055, 0.09)), "jaw": ("head", (0, -0.09, 0.06)),
    "clavicle": ("spine shoulder", (0.06, 0, 0)), "spine 1": ("spine middle", (0, -0.12, 0)),
    "pinky": ("hand tip", (0.03, 0.02, -0.03)),
    "small toe": ("foot", (0.05, 0, -0.02)), "heel": ("ankle", (0, -0.05, -0.05)),
}  # fmt: skip
"""Joints that the body lacks: the joint beside each and the offset from it (to its own side, up, ahead) in metres."""

UNKNOWN = (0.03, 0.0, 0.04)
"""The offset in metres of a joint of an unknown name from the nearest known joint of its layout."""


def body() -> Layout:
    """Return the layout of the simulated body."""
    return layout_by_name("ntu25")


@cache
def joints_on_body(layout: Layout) -> tuple[Int[np.ndarray, "v"], Float[np.ndarray, "v 3"]]:
    """Return, for each joint of a layout, a joint of the body and the offset from it: left, up, ahead, in metres.

    Joints are found by their names. A joint of an unknown name lies beside the nearest known one. ConfigError if fewer
    than half are known.
    """
    found = [_on_body(name) for name in layout.joints]
    known = [joint for joint, where in enumerate(found) if where]
    if 2 * len(known) < len(found):
        what = f"the built-in data cannot be made for layout {layout.name!r}: the body has few of its joints."
        raise ConfigError(what, remedy="Use a layout of the human body with usual joint names, such as coco17.")
    near = neighbours_of(len(found), layout.edges)
    source, offset = np.zeros(len(found), dtype=np.int64), np.zeros((len(found), 3))
    for joint, name in enumerate(layout.joints):
        steps = steps_from(joint, near)
        nearest = min(known, key=lambda other: (steps[other], other))
        source[joint], offset[joint] = found[nearest] or (0, np.zeros(3))
        if nearest != joint:
            offset[joint] += _towards(UNKNOWN, side(name))
    return source, offset


def as_layout(
    joints: Float[np.ndarray, "m t v 3"], layout: Layout, seen: Bool[np.ndarray, "m t"]
) -> Float[np.ndarray, "m t w 3"]:
    """Return the joints of the body as those of another layout, 0 where a person is not seen.

    The directions left, up and ahead of the offsets are those of the chest.
    """
    source, offset = joints_on_body(layout)
    moved = joints[:, :, source]
    beside = offset.any(axis=1)
    if beside.any():
        moved[:, :, beside] += np.einsum("vi,mtij->mtvj", offset[beside], _chest(joints)) * seen[..., None, None]
    return moved


def usual_name(name: str) -> str | None:
    """Return the name used here for a joint of any spelling, with its side; None if the joint is unknown."""
    at = side(name)
    plain = canonical(name).removeprefix(f"{at} ")
    for known in (plain, _same().get(plain, "")):
        full = f"{at} {known}".strip()
        if full in body().joints or known in BESIDE:
            return full
    return None


def _on_body(name: str) -> tuple[int, Float[np.ndarray, "3"]] | None:
    """Return the joint of the body that a name stands for or lies beside, and the offset from it."""
    usual = usual_name(name)
    if usual is None:
        return None
    at = side(usual)
    base, offset = BESIDE.get(usual.removeprefix(f"{at} "), (usual, (0, 0, 0)))
    full = f"{at} {base}" if f"{at} {base}" in body().joints else base
    return (body().joints.index(full), _towards(offset, at)) if full in body().joints else None


@cache
def _same() -> dict[str, str]:
    return {other: name for name, others in SAME.items() for other in others.split("|")}


def _towards(offset: tuple[float, float, float], at: str) -> Float[np.ndarray, "3"]:
    return np.array(offset, dtype=np.float64) * (-1 if at == "right" else 1, 1, 1)


def _chest(joints: Float[np.ndarray, "m t v 3"]) -> Float[np.ndarray, "m t 3 3"]:
    """Return the unit vectors to the left, up and ahead of a person; zeros where the person is not seen."""
    left, right = (joints[:, :, joint] for joint in body().shoulders or ())
    lower, upper = (joints[:, :, joint] for joint in body().spine or ())
    up = _unit(upper - lower)
    ahead = _unit(np.cross(left - right, up))
    return np.stack([np.cross(up, ahead), up, ahead], axis=2)


def _unit(vectors: Float[np.ndarray, "m t 3"]) -> Float[np.ndarray, "m t 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
