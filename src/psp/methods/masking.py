"""Masks of frames and joints for self-supervised methods, drawn from the keys of the clips, and means over a mask."""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from psp.batches.batch import Sample
from psp.batches.counter_rng import uniform
from psp.distributed import gather_ranks


def masked_frames(keys: Int64[Tensor, "n"], frames: int, share: float) -> Bool[Tensor, "n 1 t 1"]:
    """Return a mask of `share` of the frames in one block that begins at random; at least one frame."""
    length = max(1, round(share * frames))
    start = (uniform(keys, "masked frames", 1) * (frames - length + 1)).long()
    frame = torch.arange(frames, device=keys.device)
    return ((frame >= start) & (frame < start + length))[:, None, :, None]


def masked_joints(keys: Int64[Tensor, "n"], joints: int, probability: float) -> Bool[Tensor, "n 1 1 v"]:
    """Return a mask of single joints in all frames."""
    return (uniform(keys, "masked joints", joints) < probability)[:, None, None]


def hide(sample: Sample, mask: Bool[Tensor, "n #m #t #v"]) -> Sample:
    """Return the sample with zeros at the masked positions of every modality."""
    return replace(
        sample, modalities={name: values.masked_fill(mask[..., None], 0) for name, values in sample.modalities.items()}
    )


def rank_mean(sums: Float[Tensor, "r"], counts: Float[Tensor, "r"]) -> Float[Tensor, ""]:
    """Return the sum of `sums` over that of `counts`, over the rows of all ranks; 0 without any count."""
    both = gather_ranks(torch.stack([sums, counts], dim=1)).sum(0)
    return both[0] / both[1].clamp(min=1)
