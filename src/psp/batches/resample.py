"""Resampling of clips to a fixed number of frames, by linear interpolation."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from psp.batches.counter_rng import between, uniform
from psp.config.ranges import require
from psp.errors import ConfigError

Crop = tuple[float, float]
"""Beginning and end of a section of a clip, as shares of its length."""

WHOLE: Crop = (0.0, 1.0)


LONGEST = 10_000
"""The largest number of frames to which clips are resampled."""


@dataclass(frozen=True)
class ResampleConfig:
    """How training clips are resampled to a fixed number of frames; for testing they are resampled evenly.

    Args:
        frames: number of frames
        train: crop takes a random section, random draws frames at random and sorts them (PSP's published program),
            whole takes the whole clip
        shortest: least length of a crop, as a share of the clip
        warp: largest exponent of the time warp of a crop; 1 is even speed
        overhang: share of the clip by which a crop may reach beyond either end, where the first or last pose is held
        test_crops: sections of a clip, as shares of it, over which a prediction is averaged
    """

    frames: int = 50
    train: Literal["crop", "random", "whole"] = "crop"
    shortest: float = 0.5
    warp: float = 1.25
    overhang: float = 0.0
    test_crops: tuple[Crop, ...] = (WHOLE,)

    def __post_init__(self) -> None:
        require(1 <= self.frames <= LONGEST, "data.resample.frames", self.frames, f"1 to {LONGEST}")
        require(
            0 < self.shortest <= 1, "data.resample.shortest", self.shortest, "a share of the clip: above 0, at most 1"
        )
        require(1 <= self.warp < math.inf, "data.resample.warp", self.warp, "a finite number of 1 or more")
        require(
            0 <= self.overhang < self.shortest, "data.resample.overhang", self.overhang,
            "a share of the clip: 0 or more, less than data.resample.shortest",
        )  # fmt: skip
        if not self.test_crops or not all(0 <= start < end <= 1 for start, end in self.test_crops):
            what, remedy = f"{self.test_crops} are not sections of a clip.", "Use pairs 0 <= beginning < end <= 1."
            raise ConfigError(what, where="data.resample.test_crops", remedy=remedy)


def even_positions(frames: Int64[Tensor, "n"], count: int, crop: Crop = WHOLE) -> Float[Tensor, "n t"]:
    """Return evenly spaced frame positions over a section of a clip, by default from its first frame to its last."""
    return torch.linspace(*crop, count, device=frames.device) * (frames - 1)[:, None]


def training_positions(
    keys: Int64[Tensor, "n"], frames: Int64[Tensor, "n"], config: ResampleConfig
) -> Float[Tensor, "n t"]:
    """Return the fractional frame positions of a training draw."""
    last = (frames - 1)[:, None]
    if config.train == "whole":
        return even_positions(frames, config.frames)
    if config.train == "random":
        drawn = uniform(keys, "frames", config.frames) * frames[:, None]
        return drawn.floor().clamp(max=last).sort(dim=1).values
    room = 1 + 2 * config.overhang
    length = between(keys, "frames length", config.shortest, room, 1)
    start = uniform(keys, "frames start", 1) * (room - length) - config.overhang
    exponent = config.warp ** between(keys, "frames warp", -1.0, 1.0, 1)
    even = torch.linspace(0, 1, config.frames, device=keys.device)
    return (start + length * even**exponent).clamp(0, 1) * last


def present_persons(persons: Int64[Tensor, "n"], most: int) -> Bool[Tensor, "n m"]:
    """Return a mask of the `most` person slots that a clip fills, which are always the first ones."""
    return torch.arange(most, device=persons.device) < persons[:, None]


def joints_at(
    joints: Float[Tensor, "rows v c"],
    first_row: Int64[Tensor, "n"],
    frames: Int64[Tensor, "n"],
    present: Bool[Tensor, "n m"],
    positions: Float[Tensor, "n t"],
) -> Float[Tensor, "n m t v c"]:
    """Return the clips at fractional frame positions, read from the joints of a store; absent persons are zeros."""
    lower = positions.floor()
    weight = (positions - lower)[:, None, :, None, None]
    person = torch.arange(present.shape[1], device=present.device)[:, None]
    start = (first_row[:, None] + person.T * frames[:, None]) * present
    below = start[:, :, None] + lower.long()[:, None]
    above = start[:, :, None] + torch.minimum(lower.long() + 1, frames[:, None] - 1)[:, None]
    blended = torch.lerp(joints[below], joints[above], weight)
    return blended.masked_fill(~present[:, :, None, None, None], 0.0)
