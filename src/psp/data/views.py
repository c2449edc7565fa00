"""The views of a clip that a method may ask for, all made from the same joints."""

from collections.abc import Callable
from functools import lru_cache

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from psp.skeleton.layout import Layout


def joint_view(joints: Float[Tensor, "n m t v c"], layout: Layout) -> Float[Tensor, "n m t v c"]:
    """Joint positions as they are (X_j of the PSP paper, section 3.1)."""
    return joints


def motion_view(joints: Float[Tensor, "n m t v c"], layout: Layout) -> Float[Tensor, "n m t v c"]:
    """Difference of each frame to the next (X_m of the PSP paper, section 3.1); zero at the last frame."""
    return torch.cat([joints[:, :, 1:], joints[:, :, -1:]], dim=2) - joints


def bone_view(joints: Float[Tensor, "n m t v c"], layout: Layout) -> Float[Tensor, "n m t v c"]:
    """Each joint relative to its parent; zero at the centre."""
    return joints - joints[:, :, :, _parents(layout, joints.device)]


@lru_cache
def _parents(layout: Layout, device: torch.device) -> Int64[Tensor, "v"]:
    """Each joint's parent, sent to the device once."""
    return torch.from_numpy(layout.parents.copy()).to(device)


def bone_motion_view(joints: Float[Tensor, "n m t v c"], layout: Layout) -> Float[Tensor, "n m t v c"]:
    """Difference of each bone to the next frame."""
    return motion_view(bone_view(joints, layout), layout)


def velocity_view(joints: Float[Tensor, "n m t v c"], layout: Layout) -> Float[Tensor, "n m t v c"]:
    """Motion as the way covered in half a clip, so that it is about as large as positions are and shares a scale."""
    return motion_view(joints, layout) * (joints.shape[2] / 2)


VIEWS: dict[str, Callable[[Tensor, Layout], Tensor]] = {
    "joint": joint_view,
    "motion": motion_view,
    "bone": bone_view,
    "bone motion": bone_motion_view,
    "velocity": velocity_view,
}
