"""Augmentation: random changes that keep the class of an action, as array operations over the whole batch."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from psp.batches.counter_rng import between, normal, uniform
from psp.batches.modalities import vertical
from psp.config.ranges import require
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Up

PROBABILITIES = ("mirror", "joint_mask", "frame_mask")


@dataclass(frozen=True)
class AugmentConfig:
    """The strength of the augmentation of training clips; zeros change nothing.

    Two-dimensional recordings are changed in their plane only: of the rotations only `roll` is used.

    Args:
        turn: largest rotation about the vertical axis, degrees
        tilt: largest rotation about the sideways axis, degrees
        roll: largest rotation about the forward axis, degrees
        shear: largest off-diagonal entry of the shear matrix
        scale: largest relative change of size
        mirror: probability of swapping left and right
        joint_mask: probability that a joint is held at its mean over the clip
        frame_mask: probability that 10 to 30 % of the frames repeat one of them
        noise: standard deviation of noise, in the unit of the store's joints
        turn_first: rotate about the vertical axis before the others and not after them
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
    turn_first: bool = False

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name in PROBABILITIES:
                require(0 <= value <= 1, name, value, "a probability from 0 to 1")
            else:
                require(0 <= value < math.inf, name, value, "a finite number of 0 or more")
        require(self.scale < 1, "scale", self.scale, "less than 1")


@dataclass(frozen=True)
class Space:
    """The coordinates of a data set: the layout of its joints, the axis that points up, and 2 or 3 channels."""

    layout: Layout
    up: Up = "y"
    channels: int = 3


def augment(
    joints: Float[Tensor, "n m t v 3"],
    present: Bool[Tensor, "n m"],
    keys: Int64[Tensor, "n"],
    space: Space,
    config: AugmentConfig,
) -> Float[Tensor, "n m t v 3"]:
    """Return the augmented clips; the random numbers depend only on the keys.

    `present` is a mask of the persons that exist. Two-dimensional clips have z = 0.
    """
    if config.mirror:
        joints = mirror(joints, uniform(keys, "mirror") < config.mirror, space)
    if any((config.turn, config.tilt, config.roll, config.shear, config.scale)):
        joints = torch.einsum("nmtvc,ndc->nmtvd", joints, geometry(keys, config, space))
    if config.joint_mask:
        joints = freeze_joints(joints, uniform(keys, "joint mask", joints.shape[3]) < config.joint_mask)
    if config.frame_mask:
        joints = hold_frames(joints, keys, config.frame_mask)
    if config.noise:
        noise = normal(keys, "noise", *joints.shape[1:]).mul_(config.noise * present[..., None, None, None])
        joints = joints + (noise if space.channels == 3 else noise * noise.new_tensor([1.0, 1.0, 0.0]))
    return joints


def augment_confidence(
    confidence: Float[Tensor, "n m t v"], keys: Int64[Tensor, "n"], space: Space, config: AugmentConfig
) -> Float[Tensor, "n m t v"]:
    """Return the confidence of the clips that `augment` returns for the same keys: swapped and repeated alike."""
    if config.mirror:
        order, _ = _mirror(space, confidence.device)
        chosen = uniform(keys, "mirror") < config.mirror
        confidence = torch.where(chosen[:, None, None, None], confidence[..., order], confidence)
    return hold_frames(confidence[..., None], keys, config.frame_mask)[..., 0] if config.frame_mask else confidence


def mirror(joints: Float[Tensor, "n m t v 3"], chosen: Bool[Tensor, "n"], space: Space) -> Float[Tensor, "n m t v 3"]:
    """Return the clips with left and right swapped in the chosen ones.

    Paired joints are exchanged, and the first horizontal axis changes its sign.
    """
    order, sign = _mirror(space, joints.device)
    mirrored = joints[:, :, :, order] * sign
    return torch.where(chosen[:, None, None, None, None], mirrored, joints)


def geometry(keys: Int64[Tensor, "n"], config: AugmentConfig, space: Space) -> Float[Tensor, "n 3 3"]:
    """Return one matrix per clip: rotations, then shear, then scale; for two dimensions all within the plane."""
    up, side, forward = _axes(space.up)
    if space.channels == 2:
        matrix = rotation(_angle(keys, "roll", config.roll), 2)
    else:
        tilt = rotation(_angle(keys, "tilt", config.tilt), side)
        lean = rotation(_angle(keys, "roll", config.roll), forward) @ tilt
        turn = rotation(_angle(keys, "turn", config.turn), up)
        matrix = lean @ turn if config.turn_first else turn @ lean
    off_diagonal = 1 - torch.eye(3, device=keys.device)
    shear = torch.eye(3, device=keys.device) + off_diagonal * between(keys, "shear", -config.shear, config.shear, 3, 3)
    matrix = shear @ matrix * (1 + between(keys, "scale", -config.scale, config.scale, 1, 1))
    return matrix * matrix.new_tensor([[1.0], [1.0], [0.0]]) if space.channels == 2 else matrix


def rotation(angle: Float[Tensor, "n"], axis: int) -> Float[Tensor, "n 3 3"]:
    """Return right-handed rotations by angles in radians about one axis (0, 1, 2: x, y, z)."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = torch.eye(3, device=angle.device).repeat(len(angle), 1, 1)
    matrix[:, first, first] = matrix[:, second, second] = angle.cos()
    matrix[:, second, first] = angle.sin()
    matrix[:, first, second] = -angle.sin()
    return matrix


def freeze_joints(joints: Float[Tensor, "n m t v c"], masked: Bool[Tensor, "n v"]) -> Float[Tensor, "n m t v c"]:
    """Return the clips with the masked joints held at their mean over the clip."""
    return torch.where(masked[:, None, None, :, None], joints.mean(dim=2, keepdim=True), joints)


def hold_frames(
    joints: Float[Tensor, "n m t v c"], keys: Int64[Tensor, "n"], probability: float
) -> Float[Tensor, "n m t v c"]:
    """Return the clips; with `probability`, a section of 10 to 30 % of the frames repeats its first frame."""
    frames = joints.shape[2]
    start = (uniform(keys, "frame mask start", 1) * frames).long()
    length = (between(keys, "frame mask length", 0.1, 0.3, 1) * frames).long()
    length = length * (uniform(keys, "frame mask", 1) < probability)
    frame = torch.arange(frames, device=joints.device)
    held = torch.where((frame >= start) & (frame < start + length), start, frame)
    return torch.gather(joints, 2, held[:, None, :, None, None].expand_as(joints))


def _axes(up: Up) -> tuple[int, int, int]:
    """Return the vertical, the sideways and the forward axis."""
    axis, _ = vertical(up)
    side, forward = (other for other in range(3) if other != axis)
    return axis, side, forward


@lru_cache
def _mirror(space: Space, device: torch.device) -> tuple[Int64[Tensor, "v"], Float[Tensor, "3"]]:
    """Return the permutation of the joints and the sign of each axis, cached on the device."""
    sign = torch.ones(3)
    sign[_axes(space.up)[1]] = -1.0
    return torch.from_numpy(space.layout.mirror.copy()).to(device), sign.to(device)


def _angle(keys: Int64[Tensor, "n"], purpose: str, degrees: float) -> Float[Tensor, "n"]:
    return math.radians(1) * between(keys, purpose, -degrees, degrees)
