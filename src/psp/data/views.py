"""The views of a clip that a method may ask for, all made from the same joints."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from psp.skeleton.layout import Layout


def joint_view(joints: Float[Tensor, "n m t v c"], layout: Layout) -> Float[Tensor, "n m t v c"]:
    """Joint positions as they are (X_j of the PSP paper, section 3.1)."""
    return joints


def motion_view(joints: Float[Tensor, "n m t v c"], layout: Layout) -> Float[Tensor, "n m t v c"]:
    """Difference of each frame to the next (X_m of the PSP paper, section 3.1); zero at the last frame."""
    return torch.diff(joints, dim=2, append=joints[:, :, -1:])


def bone_view(joints: Float[Tensor, "n m t v c"], layout: Layout) -> Float[Tensor, "n m t v c"]:
    """Each joint relative to its parent; zero at the centre."""
    return joints - joints[:, :, :, torch.from_numpy(layout.parents.copy()).to(joints.device)]


def bone_motion_view(joints: Float[Tensor, "n m t v c"], layout: Layout) -> Float[Tensor, "n m t v c"]:
    """Difference of each bone to the next frame."""
    return motion_view(bone_view(joints, layout), layout)


VIEWS: dict[str, Callable[[Tensor, Layout], Tensor]] = {
    "joint": joint_view,
    "motion": motion_view,
    "bone": bone_view,
    "bone motion": bone_motion_view,
}
