"""The skeleton pyramid: features of parts and bodies as means of the features of joints (section 3.2)."""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.model.nodes import by_channel, by_node
from psp.skeleton.layout import Layout

LEVELS = ("body", "part", "joint")


class SkeletonPyramid(nn.Module):
    """<z, h, g> = Lambda(f) of eq. 2, computed with one-hot membership matrices for any layout.

    g = f and h = mean over each part's joints. z = mean over each body's parts (`bodies_from="parts"`, the
    paper) or over its joints ("joints", the published program); they differ if the parts of a body have
    unequal sizes.
    """

    joint_to_part: Tensor
    part_to_body: Tensor

    def __init__(self, layout: Layout, bodies_from: Literal["parts", "joints"]) -> None:
        super().__init__()
        self.bodies_from = bodies_from
        self.register_buffer("joint_to_part", _tensor(layout.joint_to_part), persistent=False)
        self.register_buffer("part_to_body", _tensor(layout.part_to_body), persistent=False)

    @property
    def joint_to_body(self) -> Float[Tensor, "v b"]:
        """One-hot membership of joints in bodies."""
        return self.joint_to_part @ self.part_to_body

    def forward(self, joint: Float[Tensor, "r d t v"]) -> dict[str, Float[Tensor, "r d t _"]]:
        """Return the features of all three levels."""
        part = group_mean(joint, self.joint_to_part)
        if self.bodies_from == "parts":
            body = group_mean(part, self.part_to_body)
        else:
            body = group_mean(joint, self.joint_to_body)
        return {"body": body, "part": part, "joint": joint}


def group_mean(x: Float[Tensor, "r d t w"], member: Float[Tensor, "w groups"]) -> Float[Tensor, "r d t groups"]:
    """Return the mean of each group's members; dividing last keeps the matrix exact in every precision."""
    nodes = by_node(x)
    mean = member.T @ nodes.flatten(2) / member.sum(0)[:, None]
    return by_channel(mean.unflatten(2, nodes.shape[2:]))


def _tensor(member: Float[np.ndarray, "w groups"]) -> Float[Tensor, "w groups"]:
    return torch.tensor(member, dtype=torch.get_default_dtype())
