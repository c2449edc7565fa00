"""Pyramid Polymerizing Attention: attention handed down from bodies to parts to joints (section 3.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.model.convolution import NormalisedConvolution, activation, initialise
from psp.model.nodes import by_node, from_heads
from psp.model.pyramid import LEVELS, SkeletonPyramid


@dataclass(frozen=True, eq=False)
class Polymerised:
    """The result of PPA by level: features, raw attention maps (A_z, A_h, A_g) and the polymerised maps."""

    features: dict[str, Float[Tensor, "r d t _"]]
    raw_maps: dict[str, Float[Tensor, "r h _ _"]]
    maps: dict[str, Float[Tensor, "r h _ _"]]


class SequenceProjection(nn.Module):
    """Q, K, V by one linear map on a node's whole sequence of t*c numbers: eq. 3 as its dimensions read."""

    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width * frames, 3 * width * frames)

    def forward(self, x: Float[Tensor, "r d t w"]) -> Float[Tensor, "r d3 t w"]:
        """Return Q, K and V, one after the other on the channel axis."""
        r, d, t, w = x.shape
        return self.linear(x.flatten(1, 2).transpose(1, 2)).transpose(1, 2).reshape(r, 3 * d, t, w)


class LevelAttention(nn.Module):
    """Self-attention among the nodes of one level.

    Q, K, V = W x (eq. 3);  A = tanh(Q K^T / scale) (eq. 4);  LReLU(Psi(concat(A V)) + x) (eq. 5)

    The scale is sqrt(t c_e) ("sqrt", the paper) or t c_e ("product", the published program). W maps every
    frame separately ("framewise", a 1x1 convolution) or the whole sequence; Psi always maps every frame
    separately.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        frames: int,
        attention: Literal["framewise", "sequence"],
        scale: Literal["sqrt", "product"],
    ) -> None:
        super().__init__()
        self.heads, self.scale = heads, scale
        self.query_key_value: nn.Module
        if attention == "framewise":
            self.query_key_value = nn.Conv2d(width, 3 * width, 1)
        else:
            self.query_key_value = SequenceProjection(width, frames)
        self.feed_forward = NormalisedConvolution(width, width)
        self.activation = activation()

    def attend(self, x: Float[Tensor, "r d t w"]) -> tuple[Float[Tensor, "r h w w"], Float[Tensor, "r h w e"]]:
        """Return the maps A of eq. 4, whose row i holds the weights of node i's weighted sum, and the values V."""
        r, d, t, w = x.shape
        size = d // self.heads * t
        three = by_node(self.query_key_value(x)).unflatten(3, (3, self.heads, -1))
        query, key, value = three.permute(3, 0, 4, 1, 2, 5).reshape(3, r, self.heads, w, size)
        scale = size**0.5 if self.scale == "sqrt" else size
        return torch.tanh(query @ key.transpose(-1, -2) / scale), value

    def gather(
        self, x: Float[Tensor, "r d t w"], maps: Float[Tensor, "r h w w"], value: Float[Tensor, "r h w e"]
    ) -> Float[Tensor, "r d t w"]:
        """Return the polymerising features of eqs. 5, 6 and 8."""
        gathered = (maps @ value).unflatten(3, (x.shape[2], -1))
        return self.activation(self.feed_forward(from_heads(gathered.transpose(1, 2))) + x)


class PyramidPolymerisingAttention(nn.Module):
    """Attention on every level with the maps of the level itself plus those of the coarser levels (eqs. 5-9).

    maps_body = A_z;  maps_part = A_h + lambda A_z->h;  maps_joint = A_g + alpha A_h->g + beta A_z->g, where a
    coarse map is handed down by A_ij -> A_phi(i)phi(j). The joint level uses the raw part map A_h, not the
    polymerised one.
    """

    def __init__(
        self,
        pyramid: SkeletonPyramid,
        levels: dict[str, LevelAttention],
        *,
        body_to_part: float,
        part_to_joint: float,
        body_to_joint: float,
    ) -> None:
        super().__init__()
        self.pyramid = pyramid
        self.levels = nn.ModuleDict(levels)
        self.body_to_part, self.part_to_joint, self.body_to_joint = body_to_part, part_to_joint, body_to_joint
        initialise(self)

    def forward(self, joint: Float[Tensor, "r d t v"], levels: Sequence[str] = LEVELS) -> Polymerised:
        """Return polymerised features of `levels`, and the maps of these and all coarser levels."""
        nodes = self.pyramid(joint)
        attention = cast(Mapping[str, LevelAttention], self.levels)
        finest = max(LEVELS.index(level) for level in levels)
        attended = {level: attention[level].attend(nodes[level]) for level in LEVELS[: finest + 1]}
        raw_maps = {level: maps for level, (maps, _) in attended.items()}
        maps = self.polymerise(raw_maps)
        features = {level: attention[level].gather(nodes[level], maps[level], attended[level][1]) for level in levels}
        return Polymerised(features, raw_maps, maps)

    def polymerise(self, raw: dict[str, Float[Tensor, "r h _ _"]]) -> dict[str, Float[Tensor, "r h _ _"]]:
        """Return each level's map with the coarser ones handed down to it (eqs. 7 and 9)."""
        pyramid = self.pyramid
        maps = dict(raw)
        if "part" in raw:
            maps["part"] = raw["part"] + self.body_to_part * hand_down(raw["body"], pyramid.part_to_body)
        if "joint" in raw:
            from_part = self.part_to_joint * hand_down(raw["part"], pyramid.joint_to_part)
            from_body = self.body_to_joint * hand_down(raw["body"], pyramid.joint_to_body)
            maps["joint"] = raw["joint"] + from_part + from_body
        return maps


def hand_down(maps: Float[Tensor, "r h groups groups"], member: Float[Tensor, "w groups"]) -> Float[Tensor, "r h w w"]:
    """Return v_ij = omega_phi(i)phi(j) of eq. 7 as member @ maps @ member.T."""
    return member @ maps @ member.T
