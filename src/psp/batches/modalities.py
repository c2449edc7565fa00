"""The views of a clip that a method may ask for, all made from the same joints."""

from collections.abc import Callable
from functools import lru_cache

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from psp.preprocess.normalise import Up
from psp.skeleton.layout import Layout


def joint_view(joints: Float[Tensor, "n m t v c"], layout: Layout, up: Up = "y") -> Float[Tensor, "n m t v c"]:
    """Joint positions as they are (X_j of the PSP paper, section 3.1)."""
    return joints


def motion_view(joints: Float[Tensor, "n m t v c"], layout: Layout, up: Up = "y") -> Float[Tensor, "n m t v c"]:
    """Difference of each frame to the next (X_m of the PSP paper, section 3.1); zero at the last frame."""
    return torch.cat([joints[:, :, 1:], joints[:, :, -1:]], dim=2) - joints


def bone_view(joints: Float[Tensor, "n m t v c"], layout: Layout, up: Up = "y") -> Float[Tensor, "n m t v c"]:
    """Each joint relative to its parent; zero at the centre."""
    return joints - joints[:, :, :, _parents(layout, joints.device)]


@lru_cache
def _parents(layout: Layout, device: torch.device) -> Int64[Tensor, "v"]:
    """Each joint's parent, sent to the device once."""
    return torch.from_numpy(layout.parents.copy()).to(device)


def bone_motion_view(joints: Float[Tensor, "n m t v c"], layout: Layout, up: Up = "y") -> Float[Tensor, "n m t v c"]:
    """Difference of each bone to the next frame."""
    return motion_view(bone_view(joints, layout), layout)


def velocity_view(joints: Float[Tensor, "n m t v c"], layout: Layout, up: Up = "y") -> Float[Tensor, "n m t v c"]:
    """Motion as the way covered in half a clip, so that it is about as large as positions are and shares a scale."""
    return motion_view(joints, layout) * (joints.shape[2] / 2)


def yaw_invariant_view(joints: Float[Tensor, "n m t v c"], layout: Layout, up: Up = "y") -> Float[Tensor, "n m t v c"]:
    """Height, distance from the vertical through the body's centre, and horizontal speed of each joint.

    Nothing here changes when the camera goes round the scene, so an unseen camera shows it as those of the training
    did. The price is which way a body turns and moves: the other views tell that. The speed is on the scale of half
    of `velocity_view`.
    """
    flat = joints[..., 0:3:2] if up == "y" else joints[..., :2]
    height = joints[..., 1:2] if up == "y" else joints[..., 2:3]
    reach = torch.linalg.vector_norm(flat - flat[:, :, :, layout.centre, None], dim=-1, keepdim=True)
    step = torch.cat([flat[:, :, 1:], flat[:, :, -1:]], dim=2) - flat
    speed = torch.linalg.vector_norm(step, dim=-1, keepdim=True) * (joints.shape[2] / 4)
    return torch.cat([height, reach, speed], dim=-1)


def yaw_invariant_velocity_view(
    joints: Float[Tensor, "n m t v c"], layout: Layout, up: Up = "y"
) -> Float[Tensor, "n m t v c"]:
    """How fast the three numbers of `yaw_invariant_view` change, on the scale of `velocity_view`."""
    return velocity_view(yaw_invariant_view(joints, layout, up), layout)


def distance_view(joints: Float[Tensor, "n m t v c"], layout: Layout, up: Up = "y") -> Float[Tensor, "n m t v c"]:
    """Distances of each joint from the left hand, the right hand and the body's centre, in the unit of the joints.

    They stay the same however a camera is turned or tilted, and whichever way the body faces and moves.
    """
    ends = [joints[:, :, :, end, None] for end in (*layout.hands, layout.centre)]
    return torch.stack([torch.linalg.vector_norm(joints - end, dim=-1) for end in ends], dim=-1)


VIEWS: dict[str, Callable[[Tensor, Layout, Up], Tensor]] = {
    "joint": joint_view,
    "motion": motion_view,
    "bone": bone_view,
    "bone motion": bone_motion_view,
    "velocity": velocity_view,
    "yaw-invariant": yaw_invariant_view,
    "yaw-invariant velocity": yaw_invariant_velocity_view,
    "distance": distance_view,
}
