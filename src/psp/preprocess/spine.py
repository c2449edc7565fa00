"""The ends of a spine that were never seen, such as the hips at a desk: the spine is the unit of length of a clip."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from psp.skeleton.layout import Layout
from psp.skeleton.names import words
from psp.skeleton.recording import Up

TRUNK = 1.4
"""The length of the spine in widths of the shoulders: on average 1.6 in samples of NTU RGB+D, 1.25 in NW-UCLA."""


def place_spine(
    joints: Float[Tensor, "*n t v c"], observed: Bool[Tensor, "*n t v"], layout: Layout, up: Up
) -> tuple[Float[Tensor, "*n t v c"], Bool[Tensor, "*n v"]]:
    """Return the joints with never observed ends of the spine placed, and which joints are known then.

    `joints` have no gaps. The upper end is put between the shoulders, the lower one between the hips, the mirror pair
    that hangs on it, if these were observed; else TRUNK mean widths of the shoulders below the upper end, unless it is
    that of a tail or the vertical axis is not known.
    """
    known = observed.any(dim=-2)
    if layout.spine is None:
        return joints, known
    lower, upper = layout.spine
    own, seen = list(joints.unbind(-2)), list(known.unbind(-1))

    def place(end: int, positions: Float[Tensor, "*n t c"], can: Bool[Tensor, "*n"]) -> None:
        own[end] = torch.where((can & ~seen[end])[..., None, None], positions, own[end])
        seen[end] = seen[end] | can

    hips = next((pair for pair in layout.mirror_pairs if all(layout.parents[joint] == lower for joint in pair)), None)
    for end, pair in ((upper, layout.shoulders), (lower, hips)):
        if pair is not None:
            place(end, (own[pair[0]] + own[pair[1]]) / 2, seen[pair[0]] & seen[pair[1]])
    if layout.shoulders is not None and up != "none" and not words(layout.joints[lower]) & {"tail", "tailbase"}:
        left, right = layout.shoulders
        together = observed[..., left] & observed[..., right]
        widths = torch.where(together, torch.linalg.vector_norm(own[left] - own[right], dim=-1), 0.0)
        length = TRUNK * widths.sum(dim=-1) / together.sum(dim=-1).clamp(min=1)
        axis = torch.eye(3, dtype=joints.dtype, device=joints.device)["xyz".index(up[-1]), : joints.shape[-1]]
        below = own[upper] - length[..., None, None] * (-axis if up[0] == "-" else axis)
        place(lower, below, seen[upper] & (length > 0))
    return torch.stack(own, dim=-2), torch.stack(seen, dim=-1)
