"""Training in less memory: recomputation of activations (Chen et al. 2016), and encoding of clips in chunks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from psp.config.ranges import require
from psp.distributed import clips_of_ranks
from psp.model.encoded import Encoded, to_rows

T = TypeVar("T")


@dataclass(frozen=True)
class MemoryConfig:
    """How to train in less memory than all activations of a batch need.

    With `chunk` the contrastive loss still covers all clips, but batch norm covers one chunk at a time. If several
    ranks have unequal parts of a batch, there are no more chunks than the smallest part has clips.

    Args:
        recompute: keep only the input of every encoder block and compute the rest again; results are unchanged
        chunk: how many clips to encode at a time, each modality counted; only their features are kept; 0 for all
    """

    recompute: bool = False
    chunk: int = 0

    def __post_init__(self) -> None:
        require(self.chunk >= 0, "runtime.memory.chunk", self.chunk, "0 or more")


PLENTY = MemoryConfig()


def encode_in_memory(
    encoder: nn.Module, inputs: Float[Tensor, "n m t v 3"], persons: Bool[Tensor, "n m"], memory: MemoryConfig
) -> Encoded:
    """Return f = Encoder(X) of the existing persons, with the configured saving of memory.

    In chunks only the features are kept (GradCache, Gao et al. 2021); for the gradients one chunk after the other is
    encoded again. Each of k chunks has every k-th clip, so that it contains all modalities and batches; on several
    ranks it has a part of each rank's clips.
    """

    def encode(inputs: Float[Tensor, "n m t v 3"], persons: Bool[Tensor, "n m"]) -> Encoded:
        rows, row_clip = to_rows(inputs, persons)
        with recomputing(encoder.get_submodule("blocks").children() if memory.recompute else ()):
            return Encoded(encoder(rows), row_clip, len(inputs))

    chunks = number_of_chunks(clips_of_ranks(len(inputs)), memory.chunk) if memory.chunk else 1
    if chunks == 1:
        return encode(inputs, persons)
    parts = [recomputed(encode, inputs[first::chunks], persons[first::chunks], part=encoder) for first in range(chunks)]
    features = torch.cat([part.features for part in parts])
    clips = torch.cat([part.row_clip * chunks + first for first, part in enumerate(parts)])
    order = clips.argsort(stable=True)
    return Encoded(features[order.to(features.device, non_blocking=True)], clips[order], len(inputs))


def number_of_chunks(shares: Sequence[int], chunk: int) -> int:
    """Return the number of chunks of about `chunk` clips into which all ranks divide their `shares`; none is empty."""
    return min(-(-max(shares) // chunk), *shares)


def recomputed(function: Callable[..., T], *inputs: Any, part: nn.Module) -> T:
    """Return function(*inputs), keeping only the inputs; everything else is computed again for the gradients.

    Values and gradients do not change. `part` is the module that the function uses: its running statistics are updated
    in the first computation only.
    """

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), statistics_kept(part)

    return checkpoint(function, *inputs, use_reentrant=False, context_fn=contexts)


@contextmanager
def recomputing(parts: Iterable[nn.Module]) -> Iterator[None]:
    """Make each of `parts` keep only its inputs within the `with` block.

    A function that is itself `recomputed` must open the block inside, so that the block is open each time.
    """
    changed = list(parts)
    for part in changed:
        part.forward = partial(recomputed, part.forward, part=part)
    try:
        yield
    finally:
        for part in changed:
            del part.forward


@contextmanager
def statistics_kept(part: nn.Module) -> Iterator[None]:
    """Restore the buffers of `part`, such as batch-norm statistics, after the `with` block."""
    buffers = [buffer.data for buffer in part.buffers()]
    before = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        for buffer, value in zip(buffers, before, strict=True):
            buffer.copy_(value)
