"""Random changes that keep an action's class, as array operations over the whole batch."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from psp.preprocess.normalise import Up
from psp.batches.counter_rng import between, normal, uniform
from psp.config.ranges import require
from psp.skeleton.layout import Layout

PROBABILITIES = ("mirror", "joint_mask", "frame_mask")


@dataclass(frozen=True)
class AugmentConfig:
    """How strongly training clips are changed; zeros change nothing.

    Rotations are the largest angles in degrees, about the vertical (`turn`), the sideways (`tilt`) and the forward
    axis (`roll`). `shear` is the largest off-diagonal entry, `scale` the largest relative change, `mirror` and the
    masks are probabilities, `noise` a standard deviation in the unit of the store's joints.
    """

    turn: float = 0.0
    tilt: float = 0.0
    roll: float = 0.0
    shear: float = 0.0
    scale: float = 0.0
    mirror: float = 0.0
    joint_mask: float = 0.0
    frame_mask: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name in PROBABILITIES:
                require(0 <= value <= 1, f"data.augment.{name}", value, "a probability from 0 to 1")
            else:
                require(0 <= value < math.inf, f"data.augment.{name}", value, "a finite number of 0 or more")
        require(self.scale < 1, "data.augment.scale", self.scale, "less than 1")


def augment(
    joints: Float[Tensor, "n m t v c"],
    keys: Int64[Tensor, "n"],
    layout: Layout,
    config: AugmentConfig,
    up: Up = "y",
) -> Float[Tensor, "n m t v c"]:
    """Apply every configured change, `up` being vertical; what is drawn depends on nothing but the keys."""
    if config.mirror:
        joints = mirror(joints, uniform(keys, "mirror") < config.mirror, layout)
    if any((config.turn, config.tilt, config.roll, config.shear, config.scale)):
        joints = torch.einsum("nmtvc,ndc->nmtvd", joints, geometry(keys, config, up))
    if config.joint_mask:
        joints = freeze_joints(joints, uniform(keys, "joint mask", joints.shape[3]) < config.joint_mask)
    if config.frame_mask:
        joints = hold_frames(joints, keys, config.frame_mask)
    if config.noise:
        present = joints.flatten(2).any(dim=2)[..., None, None, None]
        joints = joints + normal(keys, "noise", *joints.shape[1:]).mul_(config.noise * present)
    return joints


def mirror(joints: Float[Tensor, "n m t v c"], chosen: Bool[Tensor, "n"], layout: Layout) -> Float[Tensor, "n m t v c"]:
    """Swap left and right in the chosen clips: the x axis changes its sign and paired joints change places."""
    order, sign = _mirror(layout, joints.device)
    mirrored = joints[:, :, :, order] * sign
    return torch.where(chosen[:, None, None, None, None], mirrored, joints)


def geometry(keys: Int64[Tensor, "n"], config: AugmentConfig, up: Up = "y") -> Float[Tensor, "n 3 3"]:
    """One matrix a clip: rotations, then shear, then scale."""
    forward: Literal["z", "y"] = "z" if up == "y" else "y"
    matrix = rotation(_angle(keys, "tilt", config.tilt), "x")
    matrix = rotation(_angle(keys, "roll", config.roll), forward) @ matrix
    matrix = rotation(_angle(keys, "turn", config.turn), up) @ matrix
    off_diagonal = 1 - torch.eye(3, device=keys.device)
    shear = torch.eye(3, device=keys.device) + off_diagonal * between(keys, "shear", -config.shear, config.shear, 3, 3)
    return shear @ matrix * (1 + between(keys, "scale", -config.scale, config.scale, 1, 1))


def rotation(angle: Float[Tensor, "n"], axis: Literal["x", "y", "z"]) -> Float[Tensor, "n 3 3"]:
    """Right-handed rotations by angles in radians about one axis."""
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = torch.eye(3, device=angle.device).repeat(len(angle), 1, 1)
    matrix[:, first, first] = matrix[:, second, second] = angle.cos()
    matrix[:, second, first] = angle.sin()
    matrix[:, first, second] = -angle.sin()
    return matrix


def freeze_joints(joints: Float[Tensor, "n m t v c"], masked: Bool[Tensor, "n v"]) -> Float[Tensor, "n m t v c"]:
    """Hold the masked joints at their mean over the clip."""
    return torch.where(masked[:, None, None, :, None], joints.mean(dim=2, keepdim=True), joints)


def hold_frames(
    joints: Float[Tensor, "n m t v c"], keys: Int64[Tensor, "n"], probability: float
) -> Float[Tensor, "n m t v c"]:
    """With `probability`, let a stretch of 10 to 30 % of a clip's frames stand still at its first frame."""
    frames = joints.shape[2]
    start = (uniform(keys, "frame mask start", 1) * frames).long()
    length = (between(keys, "frame mask length", 0.1, 0.3, 1) * frames).long()
    length = length * (uniform(keys, "frame mask", 1) < probability)
    frame = torch.arange(frames, device=joints.device)
    held = torch.where((frame >= start) & (frame < start + length), start, frame)
    return torch.gather(joints, 2, held[:, None, :, None, None].expand_as(joints))


@lru_cache
def _mirror(layout: Layout, device: torch.device) -> tuple[Int64[Tensor, "v"], Float[Tensor, "3"]]:
    """Which joint comes from where, and the sign of each axis; sent to the device once."""
    return torch.from_numpy(layout.mirror.copy()).to(device), torch.tensor([-1.0, 1.0, 1.0], device=device)


def _angle(keys: Int64[Tensor, "n"], purpose: str, degrees: float) -> Float[Tensor, "n"]:
    return math.radians(1) * between(keys, purpose, -degrees, degrees)
