"""Random samples of clips, as networks take them."""

from collections.abc import Sequence

import torch

from psp.batches.batch import Sample


def random_sample(
    clips: int = 3,
    persons: int = 2,
    *,
    frames: int = 8,
    joints: int = 20,
    modalities: Sequence[str] = ("joint", "motion"),
    seed: int = 0,
) -> Sample:
    """Return clips in double precision of which every second one lacks all persons but the first."""
    draw = torch.Generator().manual_seed(100 * seed + clips)
    shape = (clips, persons, frames, joints, 3)
    present = torch.ones(clips, persons, dtype=torch.bool)
    present[1::2, 1:] = False
    made = {name: torch.randn(shape, generator=draw, dtype=torch.float64) for name in modalities}
    return Sample({name: values * present[:, :, None, None, None] for name, values in made.items()}, present)
