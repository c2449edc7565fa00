"""Features of clips in the form in which encoders compute them, one row per person."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Encoded:
    """Features of one level, one row per person; `row_clip`, ascending, is the clip that a row belongs to.

    `row_clip` is on the CPU: it determines shapes, which would otherwise have to wait for the GPU.
    """

    features: Float[Tensor, "r d t w"]
    row_clip: Int[Tensor, "r"]
    clips: int

    def pooled(self) -> Float[Tensor, "n d"]:
        """Return AP(f) of eq. 14, the mean over a clip's persons, frames and nodes; NaN for clips without persons."""
        rows = self.features.mean((2, 3))
        clip = self.row_clip.to(rows.device, non_blocking=True)
        persons = torch.bincount(self.row_clip, minlength=self.clips).to(rows.device, non_blocking=True)
        return rows.new_zeros(self.clips, rows.shape[1]).index_add(0, clip, rows) / persons[:, None]

    def split(self, counts: Sequence[int]) -> list["Encoded"]:
        """Return consecutive groups of clips, for example labelled and unlabelled ones, of the given sizes."""
        starts = [0, *accumulate(counts)]
        rows = torch.searchsorted(self.row_clip, torch.tensor(starts)).tolist()
        return [
            Encoded(self.features[first:last], self.row_clip[first:last] - start, count)
            for (first, last), start, count in zip(pairwise(rows), starts, counts, strict=False)
        ]

    def with_features(self, features: Float[Tensor, "r d t u"]) -> "Encoded":
        """Return the same rows with other features."""
        return Encoded(features, self.row_clip, self.clips)


def to_rows(
    inputs: Shaped[Tensor, "n m t v c"], persons: Bool[Tensor, "n m"]
) -> tuple[Shaped[Tensor, "r c t v"], Int[Tensor, "r"]]:
    """Return the existing persons as rows for the encoder, clip by clip, and the clip of each row, on the CPU.

    `persons` should be on the CPU too, because a copy from a GPU has to wait for it.
    """
    chosen = persons.cpu().flatten().nonzero()[:, 0]
    rows = inputs.flatten(0, 1)[chosen.to(inputs.device, non_blocking=True)]
    return rows.permute(0, 3, 1, 2), chosen // persons.shape[1]
