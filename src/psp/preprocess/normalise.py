"""Normalisation of clips: the origin, the unit of length and the direction in which the first person faces.

All persons of a clip are moved, scaled and turned alike, which keeps the distances between them. There are only tensor
operations without branches that depend on data, so that preparation and exported models share this code.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from psp.errors import ConfigError
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Up

TINY = 1e-6
"""A spine or shoulder line shorter than this gives neither scale nor direction."""


@dataclass(frozen=True)
class NormaliseConfig:
    """The steps of normalisation; "none" leaves a step out. The reference is the first person.

    `centre`: subtract the position of the layout's centre in the first frame or in every frame; the latter removes the
    path through the room. `scale`: divide by the length of the spine in the first frame, or by its mean over all
    persons and frames; for a layout without a spine by the root mean square distance of all joints from the centre over
    the same frames. `upright`: turn the spine of the first frame to z by the shortest rotation; z is then the vertical
    axis. `facing`: turn about the vertical axis until the line from the left to the right shoulder in the first frame
    points along the first horizontal axis. `shoulder_line`, two joint names, replaces the layout's shoulders.
    Recordings of two dimensions or without a vertical axis are not turned, and `facing` has no effect for a layout
    without shoulders.
    """

    centre: Literal["none", "first-frame", "every-frame"] = "first-frame"
    scale: Literal["none", "first-spine", "mean-spine"] = "mean-spine"
    upright: Literal["none", "first-frame"] = "none"
    facing: Literal["none", "first-frame"] = "none"
    shoulder_line: tuple[str, str] | None = None

    def vertical(self, up: Up) -> Up:
        """Return the axis that points up after normalisation of recordings in which `up` does."""
        return up if self.upright == "none" or up == "none" else "z"


NORMALISATIONS = {
    "default": NormaliseConfig(),
    "published": NormaliseConfig(
        "first-frame", "first-spine", "first-frame", "first-frame", ("spine shoulder", "left elbow")
    ),
    "none": NormaliseConfig("none", "none"),
}
"""Presets by name. `published` is what the PSP authors' program does with NTU RGB+D, with its shoulder line."""


def check_normalise(config: NormaliseConfig, layout: Layout, channels: int = 3) -> None:
    """Raise ConfigError for a configuration that cannot be applied to a layout and a number of coordinates."""
    where = f"normalise, layout {layout.name!r}"
    absent = [joint for joint in config.shoulder_line or () if joint not in layout.joints]
    if absent:
        remedy = "Name two joints of the layout as normalise.shoulder_line, or use the default normalisation."
        raise ConfigError(f"the layout has no joint {absent[0]!r}.", where=where, remedy=remedy)
    if config.upright != "none" and (layout.spine is None or channels != 3):
        missing = "a spine" if layout.spine is None else "three coordinates"
        remedy = "Use normalise.upright=none, or the default normalisation."
        raise ConfigError(f"upright needs {missing}.", where=where, remedy=remedy)


def normalise(
    joints: Float[Tensor, "n m t v c"], present: Bool[Tensor, "n m t"], layout: Layout, config: NormaliseConfig, up: Up
) -> Float[Tensor, "n m t v c"]:
    """Return the normalised clips; where a person is not `present` the joints are 0 and have no influence.

    A clip whose spine or shoulder line is shorter than TINY is not scaled or turned. ConfigError as `check_normalise`.
    """
    channels = int(joints.shape[-1])  # while tracing, a length is a tensor
    check_normalise(config, layout, channels)
    person = first_true(present.any(dim=2))
    clip = torch.arange(joints.shape[0], device=joints.device)
    first = first_true(present[clip, person])
    centre = joints[clip, person][:, :, layout.centre]
    moved = joints - _origin(centre, present[clip, person], first, config.centre)[:, None, :, None]
    if config.scale != "none":
        length = _lengths(moved, layout)
        length = length[clip, person, first] if config.scale == "first-spine" else _mean(length, present, layout)
        moved = moved / torch.where(length > TINY, length, 1.0)[:, None, None, None, None]
    rotation = None if channels != 3 or up == "none" else _rotation(moved[clip, person, first], layout, config, up)
    if rotation is not None:
        moved = moved @ rotation[:, None, None].transpose(-1, -2)
    return torch.where(present[..., None, None], moved, 0.0)


def first_true(choices: Bool[Tensor, "n w"]) -> Int64[Tensor, "n"]:
    """Return the index of the first true entry in each row, the last index if there is none."""
    width = choices.shape[1]
    position = torch.arange(width, device=choices.device)
    return torch.where(choices, position, width - 1).amin(dim=1)


def turn_to_z(direction: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 3"]:
    """Return the shortest rotations of directions d to z: R = I + K + K^2 / (1 + d_z), K the cross product with d x z.

    Shorter directions than TINY are not turned.
    """
    length = torch.linalg.vector_norm(direction, dim=1, keepdim=True)
    x, y, z = (direction / length.clamp(min=TINY)).unbind(1)
    none = torch.zeros_like(x)
    cross = torch.stack([none, none, -x, none, none, -y, x, y, none], dim=1).unflatten(1, (3, 3))
    identity = torch.eye(3, device=direction.device, dtype=direction.dtype)
    rotation = identity + cross + cross @ cross / (1 + z).clamp(min=TINY)[:, None, None]
    rotation = torch.where((z < TINY - 1)[:, None, None], identity * identity.new_tensor([1.0, -1.0, -1.0]), rotation)
    return torch.where(length[:, :, None] < TINY, identity, rotation)


def turn_about(up: Up, direction: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 3"]:
    """Return the rotations about the vertical axis that turn directions to the first horizontal axis.

    Their height is kept. Directions whose horizontal length is below TINY are not turned.
    """
    along, depth = ("xyz".index(axis) for axis in "xyz" if axis != up[-1])
    length = torch.linalg.vector_norm(direction[:, [along, depth]], dim=1)
    turned = length > TINY
    cosine = torch.where(turned, direction[:, along] / length.clamp(min=TINY), 1.0)
    sine = torch.where(turned, direction[:, depth] / length.clamp(min=TINY), 0.0)
    none, one = torch.zeros_like(cosine), torch.ones_like(cosine)
    entries = {(along, along): cosine, (along, depth): sine, (depth, along): -sine, (depth, depth): cosine}
    cells = [entries.get((row, column), one if row == column else none) for row in range(3) for column in range(3)]
    return torch.stack(cells, dim=1).unflatten(1, (3, 3))


def _origin(
    centre: Float[Tensor, "n t c"], present: Bool[Tensor, "n t"], first: Int64[Tensor, "n"], kind: str
) -> Float[Tensor, "n #t c"]:
    """Return the point to subtract; "every-frame" uses, where the first person is absent, the last frame with them.

    `rank` counts the frames with the person so far, `of_rank` is the frame of each rank; ONNX has no running maximum.
    """
    if kind == "none":
        return torch.zeros_like(centre[:, :1])
    clip = torch.arange(centre.shape[0], device=centre.device)[:, None]
    if kind == "first-frame":
        return centre[clip, first[:, None]]
    rank = present.long().cumsum(dim=1)
    frame = torch.arange(centre.shape[1], device=centre.device).expand_as(rank)
    of_rank = torch.zeros_like(torch.cat([rank, rank[:, :1]], dim=1)).scatter(1, torch.where(present, rank, 0), frame)
    return centre[clip, torch.where(rank > 0, of_rank.gather(1, rank), first[:, None])]


def _lengths(joints: Float[Tensor, "n m t v c"], layout: Layout) -> Float[Tensor, "n m t"]:
    """Return the length of the spine, or without one the root mean square distance of the joints from the centre."""
    if layout.spine is not None:
        lower, upper = layout.spine
        return torch.linalg.vector_norm(joints[:, :, :, upper] - joints[:, :, :, lower], dim=3)
    return (joints - joints[:, :, :, layout.centre, None]).square().sum(dim=4).mean(dim=3).sqrt()


def _mean(length: Float[Tensor, "n m t"], present: Bool[Tensor, "n m t"], layout: Layout) -> Float[Tensor, "n"]:
    """Return the mean over all persons and frames, the root mean square if the layout has no spine."""
    values = length if layout.spine is not None else length.square()
    mean = torch.where(present, values, 0.0).sum(dim=(1, 2)) / present.sum(dim=(1, 2)).clamp(min=1)
    return mean if layout.spine is not None else mean.sqrt()


def _rotation(
    pose: Float[Tensor, "n v 3"], layout: Layout, config: NormaliseConfig, up: Up
) -> Float[Tensor, "n 3 3"] | None:
    """Return the rotation of each clip, from the first pose of its first person; None if nothing is to be turned."""
    rotation = None
    if config.upright != "none" and layout.spine is not None:
        lower, upper = layout.spine
        rotation = turn_to_z(pose[:, upper] - pose[:, lower])
        pose = pose @ rotation.transpose(1, 2)
    line = layout.shoulders
    if config.shoulder_line is not None:
        line = (layout.joints.index(config.shoulder_line[0]), layout.joints.index(config.shoulder_line[1]))
    if config.facing != "none" and line is not None:
        turn = turn_about(config.vertical(up), pose[:, line[1]] - pose[:, line[0]])
        rotation = turn if rotation is None else turn @ rotation
    return rotation
