"""Normalisation of clips: the origin, the unit of length and the direction in which the first person faces.

All persons of a clip are moved, scaled and turned alike, which keeps the distances between them. There are only tensor
operations without branches that depend on data, so that preparation and exported models share this code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from psp.config.ranges import require_choice
from psp.errors import ConfigError
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Up

Pair = tuple[int, int]
"""The numbers of two joints."""

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
    points along the first horizontal axis; `level` takes the shortest rotation instead, which makes the line level and
    tilts the vertical axis with it. `centre_joint`, `spine_line` and `shoulder_line`, one and two joint names, replace
    the layout's centre, spine and shoulders. Recordings of two dimensions or without a vertical axis are not turned,
    and `facing` has no effect for a layout without shoulders.
    """

    centre: Literal["none", "first-frame", "every-frame"] = "first-frame"
    scale: Literal["none", "first-spine", "mean-spine"] = "mean-spine"
    upright: Literal["none", "first-frame"] = "none"
    facing: Literal["none", "first-frame", "level"] = "none"
    shoulder_line: tuple[str, str] | None = None
    spine_line: tuple[str, str] | None = None
    centre_joint: str | None = None

    def vertical(self, up: Up) -> Up:
        """Return the axis that points up after normalisation of recordings in which `up` does."""
        return up if self.upright == "none" or up == "none" else "z"


NormalisationName = Literal["default", "published", "authors", "none"]


def published(layout: Layout) -> NormaliseConfig:
    """Return what the PSP authors' program does with NTU RGB+D: it faces along the upper spine and the left elbow.

    ConfigError for a layout without spine or shoulders.
    """
    left, _ = _needed(layout, "shoulders")
    line = (layout.joints[_needed(layout, "spine")[1]], layout.joints[_after(layout, left)])
    return NormaliseConfig("first-frame", "first-spine", "first-frame", "first-frame", line)


def authors(layout: Layout) -> NormaliseConfig:
    """Return what the earlier program of the PSP authors (MAC-Learning) does with Northwestern-UCLA, in metres.

    The joint above the lower end of the spine is subtracted in every frame; in the first frame the line to it from that
    end is turned to z, then the line from the left to the right shoulder to x. ConfigError for a layout without spine
    or shoulders.
    """
    left, right = _needed(layout, "shoulders")
    lower, upper = _needed(layout, "spine")
    names, middle = layout.joints, _above(layout, lower, upper)
    shoulders, spine = (names[left], names[right]), (names[lower], names[middle])
    return NormaliseConfig("every-frame", "none", "first-frame", "level", shoulders, spine, names[middle])


NORMALISATIONS: dict[str, Callable[[Layout], NormaliseConfig]] = {
    "default": lambda _: NormaliseConfig(),
    "published": published,
    "authors": authors,
    "none": lambda _: NormaliseConfig("none", "none"),
}


def normalisation(chosen: str | NormaliseConfig, layout: Layout) -> NormaliseConfig:
    """Return a configuration as it is, or that of a name, with joints found from the layout.

    ConfigError for an unknown name or if the layout lacks the joints.
    """
    if isinstance(chosen, NormaliseConfig):
        return chosen
    require_choice(chosen, "normalisation", NORMALISATIONS)
    return NORMALISATIONS[chosen](layout)


def check_normalise(config: NormaliseConfig, layout: Layout, channels: int = 3) -> None:
    """Raise ConfigError for a configuration that cannot be applied to a layout and a number of coordinates."""
    where = f"normalise, layout {layout.name!r}"
    for option in ("shoulder_line", "spine_line", "centre_joint"):
        named = getattr(config, option) or ()
        absent = [joint for joint in ((named,) if isinstance(named, str) else named) if joint not in layout.joints]
        if absent:
            remedy = f"Name joints of the layout as normalise.{option}, or use the default normalisation."
            raise ConfigError(f"the layout has no joint {absent[0]!r}.", where=where, remedy=remedy)
    if config.upright != "none" and (_spine(layout, config) is None or channels != 3):
        missing = "a spine" if _spine(layout, config) is None else "three coordinates"
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
    centre = joints[clip, person][:, :, _centre(layout, config)]
    moved = joints - _origin(centre, present[clip, person], first, config.centre)[:, None, :, None]
    if config.scale != "none":
        spine = _spine(layout, config)
        length = _lengths(moved, _centre(layout, config), spine)
        length = length[clip, person, first] if config.scale == "first-spine" else _mean(length, present, spine is None)
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


def turn_level(up: Up, direction: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 3"]:
    """Return the shortest rotations that turn directions to the first horizontal axis."""
    along = next(number for number, axis in enumerate("xyz") if axis != up[-1])
    order = [(along + 1 + number) % 3 for number in range(3)]  # a cyclic exchange that brings the axis to z
    back = [order.index(number) for number in range(3)]
    return turn_to_z(direction[:, order])[:, back][:, :, back]


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


def _lengths(joints: Float[Tensor, "n m t v c"], centre: int, spine: Pair | None) -> Float[Tensor, "n m t"]:
    """Return the length of the spine, or without one the root mean square distance of the joints from the centre."""
    if spine is not None:
        return torch.linalg.vector_norm(joints[:, :, :, spine[1]] - joints[:, :, :, spine[0]], dim=3)
    return (joints - joints[:, :, :, centre, None]).square().sum(dim=4).mean(dim=3).sqrt()


def _mean(length: Float[Tensor, "n m t"], present: Bool[Tensor, "n m t"], is_square: bool) -> Float[Tensor, "n"]:
    """Return the mean over all persons and frames, or the root mean square."""
    values = length.square() if is_square else length
    mean = torch.where(present, values, 0.0).sum(dim=(1, 2)) / present.sum(dim=(1, 2)).clamp(min=1)
    return mean.sqrt() if is_square else mean


def _rotation(
    pose: Float[Tensor, "n v 3"], layout: Layout, config: NormaliseConfig, up: Up
) -> Float[Tensor, "n 3 3"] | None:
    """Return the rotation of each clip, from the first pose of its first person; None if nothing is to be turned."""
    rotation, spine = None, _spine(layout, config)
    if config.upright != "none" and spine is not None:
        rotation = turn_to_z(pose[:, spine[1]] - pose[:, spine[0]])
        pose = pose @ rotation.transpose(1, 2)
    line = _shoulders(layout, config)
    if config.facing != "none" and line is not None:
        turn = (turn_level if config.facing == "level" else turn_about)(
            config.vertical(up), pose[:, line[1]] - pose[:, line[0]]
        )
        rotation = turn if rotation is None else turn @ rotation
    return rotation


def _centre(layout: Layout, config: NormaliseConfig) -> int:
    return layout.centre if config.centre_joint is None else layout.joints.index(config.centre_joint)


def _spine(layout: Layout, config: NormaliseConfig) -> Pair | None:
    return layout.spine if config.spine_line is None else _numbers(layout, config.spine_line)


def _shoulders(layout: Layout, config: NormaliseConfig) -> Pair | None:
    return layout.shoulders if config.shoulder_line is None else _numbers(layout, config.shoulder_line)


def _numbers(layout: Layout, names: tuple[str, str]) -> Pair:
    return layout.joints.index(names[0]), layout.joints.index(names[1])


def _needed(layout: Layout, what: Literal["spine", "shoulders"]) -> Pair:
    """Return the spine or the shoulders of a layout; ConfigError if it has none."""
    found: Pair | None = getattr(layout, what)
    if found is None:
        remedy = "Use the default normalisation, or state them in the layout."
        raise ConfigError(f"the layout has no {what}.", where=f"normalise, layout {layout.name!r}", remedy=remedy)
    return found


def _after(layout: Layout, joint: int) -> int:
    """Return the first joint that hangs on a joint, that joint itself if none does."""
    return next((child for child, parent in layout.bones if parent == joint), joint)


def _above(layout: Layout, lower: int, upper: int) -> int:
    """Return the joint after the lower end of the spine on the way up, the upper end if the bones lead elsewhere."""
    joint = upper
    while layout.parents[joint] not in (lower, joint):
        joint = int(layout.parents[joint])
    return joint if layout.parents[joint] == lower else upper
