"""The normalisation of preparation as tensor operations on a batch, so that it can be part of an exported graph."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from psp.preprocess.normalise import TINY, NormaliseConfig
from psp.skeleton.layout import Layout


class Normalisation(nn.Module):
    """x -> R (x - o) / s for every clip, equal to `psp.preprocess.normalise.normalise` of the clip alone.

    `inside` tells which frames of which persons belong to a clip; what lies outside has no influence. Joints at zero
    were not seen and stay zero.
    """

    def __init__(self, layout: Layout, config: NormaliseConfig) -> None:
        super().__init__()
        self.layout, self.config = layout, config

    def forward(self, joints: Float[Tensor, "n m t v 3"], inside: Bool[Tensor, "n m t"]) -> Float[Tensor, "n m t v 3"]:
        """Return the clips in common coordinates."""
        seen = joints != 0
        present = seen.flatten(3).any(dim=3) & inside
        person = first_true(present.any(dim=2))
        clip = torch.arange(joints.shape[0], device=joints.device)
        present_first = present[clip, person]
        first = first_true(present_first)
        centre = joints[clip, person][:, :, self.layout.centre]
        moved = joints - _origin(centre, present_first, first, self.config.centre)[:, None, :, None]
        moved = moved / self._length(moved, present, person, first)[:, None, None, None, None]
        rotation = self._rotation(moved[clip, person, first])[:, None, None]
        return torch.where(seen.any(dim=4, keepdim=True), moved @ rotation.transpose(-1, -2), 0.0)

    def _length(
        self,
        joints: Float[Tensor, "n m t v 3"],
        present: Bool[Tensor, "n m t"],
        person: Int64[Tensor, "n"],
        first: Int64[Tensor, "n"],
    ) -> Float[Tensor, "n"]:
        """The length that becomes 1."""
        lower, upper = self.layout.spine
        lengths = torch.linalg.vector_norm(joints[:, :, :, upper] - joints[:, :, :, lower], dim=3)
        if self.config.scale == "none":
            return torch.ones_like(lengths[:, 0, 0])
        if self.config.scale == "first-spine":
            length = lengths[torch.arange(joints.shape[0], device=joints.device), person, first]
        else:
            length = torch.where(present, lengths, 0.0).sum((1, 2)) / present.sum((1, 2)).clamp(min=1)
        return torch.where(length > TINY, length, 1.0)

    def _rotation(self, pose: Float[Tensor, "n v 3"]) -> Float[Tensor, "n 3 3"]:
        rotation = torch.eye(3, device=pose.device, dtype=pose.dtype).expand(pose.shape[0], 3, 3)
        if self.config.upright == "first-frame":
            lower, upper = self.layout.spine
            rotation = turn_to_z(pose[:, upper] - pose[:, lower])
            pose = pose @ rotation.transpose(1, 2)
        if self.config.facing == "first-frame":
            start, end = self.config.shoulder_line or self.layout.shoulders
            rotation = turn_to_x(pose[:, end] - pose[:, start], self.config.vertical) @ rotation
        return rotation


def first_true(choices: Bool[Tensor, "n w"]) -> Int64[Tensor, "n"]:
    """The position of the first true entry of every row, the last position if there is none."""
    width = choices.shape[1]
    position = torch.arange(width, device=choices.device)
    return torch.where(choices, position, width - 1).amin(dim=1)


def turn_to_z(direction: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 3"]:
    """The shortest rotations of directions d to z: R = I + K + K^2 / (1 + d_z), K the cross product with d x z."""
    length = torch.linalg.vector_norm(direction, dim=1, keepdim=True)
    x, y, z = (direction / length.clamp(min=TINY)).unbind(1)
    none = torch.zeros_like(x)
    cross = torch.stack([none, none, -x, none, none, -y, x, y, none], dim=1).unflatten(1, (3, 3))
    identity = torch.eye(3, device=direction.device, dtype=direction.dtype)
    rotation = identity + cross + cross @ cross / (1 + z).clamp(min=TINY)[:, None, None]
    rotation = torch.where((z < TINY - 1)[:, None, None], identity * identity.new_tensor([1.0, -1.0, -1.0]), rotation)
    return torch.where(length[:, :, None] < TINY, identity, rotation)


def turn_to_x(direction: Float[Tensor, "n 3"], vertical: str) -> Float[Tensor, "n 3 3"]:
    """The rotations about the vertical that leave of directions only x > 0 and their height."""
    along, depth = direction[:, 0], direction[:, 2 if vertical == "y" else 1]
    length = torch.linalg.vector_norm(torch.stack([along, depth]), dim=0)
    turned = length > TINY
    cosine = torch.where(turned, along / length.clamp(min=TINY), 1.0)
    sine = torch.where(turned, depth / length.clamp(min=TINY), 0.0)
    none, one = torch.zeros_like(cosine), torch.ones_like(cosine)
    if vertical == "y":
        rows = [cosine, none, sine, none, one, none, -sine, none, cosine]
    else:
        rows = [cosine, sine, none, -sine, cosine, none, none, none, one]
    return torch.stack(rows, dim=1).unflatten(1, (3, 3))


def _origin(
    centre: Float[Tensor, "n t 3"], present: Bool[Tensor, "n t"], first: Int64[Tensor, "n"], kind: str
) -> Float[Tensor, "n #t 3"]:
    """The point to subtract; in frames without the first person every-frame takes the last one with it."""
    if kind == "none":
        return torch.zeros_like(centre[:, :1])
    clip = torch.arange(centre.shape[0], device=centre.device)[:, None]
    if kind == "first-frame":
        return centre[clip, first[:, None]]
    frame = torch.arange(centre.shape[1], device=centre.device)
    sightings = torch.where(present, frame, first[:, None])
    latest = torch.where(frame[:, None] >= frame, sightings[:, None], 0).amax(dim=2)
    return centre[clip, latest]
