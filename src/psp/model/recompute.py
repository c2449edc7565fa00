"""Computing again instead of remembering: less memory, the same numbers (Chen et al. 2016)."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, TypeVar

from torch import nn
from torch.utils.checkpoint import checkpoint

T = TypeVar("T")


def recomputed(function: Callable[..., T], *inputs: Any, part: nn.Module) -> T:
    """Return function(*inputs), keeping only the inputs; going back, all in between is computed a second time.

    Values and gradients do not change. `part` is what the function computes with: its running statistics move in
    the first computation only.
    """

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), statistics_kept(part)

    return checkpoint(function, *inputs, use_reentrant=False, context_fn=contexts)


@contextmanager
def recomputing(parts: Iterable[nn.Module]) -> Iterator[None]:
    """Whatever is computed in the `with` block, each of `parts` keeps only its inputs; the parts know nothing of it.

    A function that is itself `recomputed` opens the block inside, so that it does so every time.
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
    """Whatever is computed in the `with` block, the buffers of `part` are afterwards what they were."""
    buffers = [buffer.data for buffer in part.buffers()]
    before = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        for buffer, value in zip(buffers, before, strict=True):
            buffer.copy_(value)
