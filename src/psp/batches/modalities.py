"""The modalities of a clip that a method may use, all computed from the same joints.

All functions take joints (n, m, t, v, 3), the layout and the axis that points up; they return the same shape.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from psp.config.ranges import require_choice
from psp.errors import ConfigError
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Up

COORDINATES = 3

HORIZONTAL = (slice(1, 3), slice(0, 3, 2), slice(0, 2))
"""For each axis the slice of the two other coordinates."""


def joint(joints: Float[Tensor, "n m t v 3"], layout: Layout, up: Up = "y") -> Float[Tensor, "n m t v 3"]:
    """Return the joint positions as they are (X_j of the PSP paper, section 3.1)."""
    return joints


def motion(joints: Float[Tensor, "n m t v 3"], layout: Layout, up: Up = "y") -> Float[Tensor, "n m t v 3"]:
    """Return the difference of each frame to the next (X_m of the PSP paper, section 3.1); zero at the last frame."""
    return torch.cat([joints[:, :, 1:], joints[:, :, -1:]], dim=2) - joints


def bone(joints: Float[Tensor, "n m t v 3"], layout: Layout, up: Up = "y") -> Float[Tensor, "n m t v 3"]:
    """Return each joint relative to its parent; zero at the centre (2s-AGCN, Shi et al. 2019)."""
    return joints - joints[:, :, :, _parents(layout, joints.device)]


def bone_motion(joints: Float[Tensor, "n m t v 3"], layout: Layout, up: Up = "y") -> Float[Tensor, "n m t v 3"]:
    """Return the difference of each bone to the next frame."""
    return motion(bone(joints, layout), layout)


def velocity(joints: Float[Tensor, "n m t v 3"], layout: Layout, up: Up = "y") -> Float[Tensor, "n m t v 3"]:
    """Return the motion times half the number of frames, which brings it to the scale of joint positions."""
    return motion(joints, layout) * (joints.shape[2] / 2)


def yaw_invariant(joints: Float[Tensor, "n m t v 3"], layout: Layout, up: Up = "y") -> Float[Tensor, "n m t v 3"]:
    """Return height, distance from the vertical line through the centre, and horizontal speed of each joint.

    They do not depend on the azimuth of the camera, nor on the direction in which a body faces or moves. The speed has
    half the scale of `velocity`.
    """
    axis, sign = vertical(up)
    flat = joints[..., HORIZONTAL[axis]]
    height = joints[..., axis : axis + 1]
    height = height if sign > 0 else -height
    reach = torch.linalg.vector_norm(flat - flat[:, :, :, layout.centre, None], dim=-1, keepdim=True)
    step = torch.cat([flat[:, :, 1:], flat[:, :, -1:]], dim=2) - flat
    speed = torch.linalg.vector_norm(step, dim=-1, keepdim=True) * (joints.shape[2] / 4)
    return torch.cat([height, reach, speed], dim=-1)


def yaw_invariant_velocity(
    joints: Float[Tensor, "n m t v 3"], layout: Layout, up: Up = "y"
) -> Float[Tensor, "n m t v 3"]:
    """Return the change of `yaw_invariant` to the next frame, on the scale of `velocity`."""
    return velocity(yaw_invariant(joints, layout, up), layout)


def distance(joints: Float[Tensor, "n m t v 3"], layout: Layout, up: Up = "y") -> Float[Tensor, "n m t v 3"]:
    """Return the distances of each joint from the left hand, the right hand and the centre, in the unit of the joints.

    They are invariant to rotations of camera and body.
    """
    assert layout.hands is not None
    ends = [joints[:, :, :, end, None] for end in (*layout.hands, layout.centre)]
    return torch.stack([torch.linalg.vector_norm(joints - end, dim=-1) for end in ends], dim=-1)


def inter_person_distance(
    joints: Float[Tensor, "n m t v 3"], layout: Layout, up: Up = "y"
) -> Float[Tensor, "n m t v 3"]:
    """Return the distances of each joint from the centre, the nearest joint and the same joint of another person.

    With several other persons each is the smallest one, in the unit of the joints; without any it is 0. The distances
    are invariant to rotations of the camera.
    """
    present = (joints != 0).flatten(2).any(dim=2)  # absent persons are zeros
    number = torch.arange(joints.shape[1], device=joints.device)
    are_two = present[:, :, None] & present[:, None] & (number != number[:, None])
    gaps = torch.cdist(joints[:, :, None], joints[:, None], compute_mode="donot_use_mm_for_euclid_dist")
    found = torch.stack([gaps[..., layout.centre], gaps.amin(dim=-1), gaps.diagonal(dim1=-2, dim2=-1)], dim=-1)
    smallest = torch.where(are_two[..., None, None, None], found, torch.inf).amin(dim=2)
    return torch.where(smallest.isinf(), 0.0, smallest)


@dataclass(frozen=True)
class Modality:
    """A modality: the function that computes it, and whether it needs hands, a vertical axis or several persons."""

    make: Callable[[Tensor, Layout, Up], Tensor]
    needs_hands: bool = False
    needs_vertical: bool = False
    needs_persons: bool = False

    def missing(self, layout: Layout, up: Up, channels: int) -> str | None:
        """Return why recordings of a layout, vertical axis and number of coordinates lack the modality; None if not."""
        if self.needs_hands and layout.hands is None:
            return f"layout {layout.name!r} has no hands"
        if self.needs_vertical and (up == "none" or channels < COORDINATES):
            return "the recordings are two-dimensional" if channels < COORDINATES else "no axis points up"
        return None


MODALITIES: dict[str, Modality] = {
    "joint": Modality(joint),
    "motion": Modality(motion),
    "bone": Modality(bone),
    "bone motion": Modality(bone_motion),
    "velocity": Modality(velocity),
    "yaw-invariant": Modality(yaw_invariant, needs_vertical=True),
    "yaw-invariant velocity": Modality(yaw_invariant_velocity, needs_vertical=True),
    "distance": Modality(distance, needs_hands=True),
    "inter-person distance": Modality(inter_person_distance, needs_persons=True),
}


def usable(names: Sequence[str], layout: Layout, up: Up, channels: int, persons: int) -> tuple[str, ...]:
    """Return the modalities that the layout, vertical axis, coordinates and number of persons of recordings allow.

    A modality that needs several persons can be computed for one, where it is 0, but is left out.
    """
    allowed = (name for name in names if MODALITIES[name].missing(layout, up, channels) is None)
    return tuple(name for name in allowed if persons > 1 or not MODALITIES[name].needs_persons)


def require_known(names: Sequence[str]) -> None:
    """Raise ConfigError for a modality that does not exist, for one that is named twice, and if none is named."""
    for name in names:
        require_choice(name, "modality", MODALITIES)
    if not names or len(set(names)) < len(names):
        what = f"the modalities are {', '.join(names) or 'none'}."
        raise ConfigError(what, where="modalities", remedy="Name at least one, and each once.")


def check_modalities(names: Sequence[str], layout: Layout, up: Up, channels: int) -> None:
    """Raise ConfigError for a modality that does not exist or that recordings of this kind do not allow."""
    require_known(names)
    for name in names:
        lacking = MODALITIES[name].missing(layout, up, channels)
        if lacking:
            what = f"the modality {name!r} cannot be computed: {lacking}."
            raise ConfigError(what, where="modalities", remedy="Leave it out.")


def vertical(up: Up) -> tuple[int, float]:
    """Return the index and the sign of the axis that points up; those of y if none does."""
    return ("xyz".index(up[-1]), -1.0 if up[0] == "-" else 1.0) if up != "none" else (1, 1.0)


@lru_cache
def _parents(layout: Layout, device: torch.device) -> Int64[Tensor, "v"]:
    """Return each joint's parent, cached on the device."""
    return torch.from_numpy(layout.parents.copy()).to(device)
