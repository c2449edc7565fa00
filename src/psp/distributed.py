"""Several processes that share every batch: each takes its share, gradients are averaged, all stop together."""

import atexit
import os
import time
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
import torch.distributed as dist
from jaxtyping import Shaped
from torch import Tensor, nn

from psp.errors import ConfigError


@runtime_checkable
class Shareable(Protocol):
    """An object that can be divided among the ranks."""

    def share(self, rank: int, ranks: int) -> Any:
        """Return the part of one rank."""


S = TypeVar("S", bound=Shareable)


def rank_count() -> int:
    """Return how many processes share a batch."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank_index() -> int:
    """Return the number of this process, from 0."""
    return dist.get_rank() if rank_count() > 1 else 0


def of_every_rank(value: Shaped[Tensor, "*s"]) -> Shaped[Tensor, "ranks *s"]:
    """Return the values of all ranks in their order; the shape must be the same everywhere, gradients end here."""
    if rank_count() == 1:
        return value.detach()[None]
    parts = [torch.empty_like(value, memory_format=torch.contiguous_format) for _ in range(rank_count())]
    dist.all_gather(parts, value.detach().contiguous())
    return torch.stack(parts)


def sum_of_ranks(value: Shaped[Tensor, "*s"]) -> Shaped[Tensor, "*s"]:
    """Return the sum of all ranks' values, a new tensor; gradients end here."""
    total = value.detach().clone(memory_format=torch.contiguous_format)
    if rank_count() > 1:
        dist.all_reduce(total)
    return total


def gather_ranks(features: Shaped[Tensor, "n *d"]) -> Shaped[Tensor, "a *d"]:
    """Return the features of all ranks in the order of the ranks; gradients flow back to each of them.

    The ranks may hold different numbers of clips.
    """
    return features if rank_count() == 1 else _Gather.apply(features)


def clips_of_ranks(clips: int) -> list[int]:
    """Return how many clips each rank has; exchanged between hosts, without waiting for a device."""
    return of_every_rank(torch.tensor(clips)).tolist()


class _Gather(torch.autograd.Function):
    """Gather the features of all ranks; backward sums the gradients that all ranks have for a rank's own features."""

    @staticmethod
    def forward(ctx: Any, features: Shaped[Tensor, "n *d"]) -> Shaped[Tensor, "a *d"]:
        ctx.counts = clips_of_ranks(len(features))
        padded = features.new_zeros(max(ctx.counts), *features.shape[1:])
        padded[: len(features)] = features
        every = of_every_rank(padded)
        return torch.cat([part[:count] for part, count in zip(every, ctx.counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: Shaped[Tensor, "a *d"]) -> Shaped[Tensor, "n *d"]:
        return sum_of_ranks(gradient).split(ctx.counts)[dist.get_rank()]


class Ranks:
    """The processes that torchrun started, or this one alone, with the device of each.

    Tensors of a GPU travel by NCCL. Those of the host travel by Gloo, so that asking other ranks never waits for a GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
            dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
            atexit.register(_leave)
        self.count, self.index = rank_count(), dist.get_rank() if dist.is_initialized() else 0
        self.is_main = self.index == 0
        if self.count > 1 and self.device.type == "cuda":
            self.device = _own_gpu(int(os.environ.get("LOCAL_RANK", self.index)))

    def check(self, *batches: int) -> None:
        """Refuse batches of which a rank would get nothing."""
        if min(batches) < self.count:
            what = f"a batch of {min(batches)} leaves some of {self.count} ranks without clips."
            raise ConfigError(what, remedy="Choose larger batches or fewer ranks.")

    def share(self, draw: S) -> S:
        """Return this rank's part of a draw."""
        part: S = draw.share(self.index, self.count)
        return part

    def average_gradients(self, module: nn.Module) -> None:
        """Give every rank the mean of all ranks' gradients, in one exchange."""
        if self.count > 1:
            gradients = [weight.grad for weight in module.parameters() if weight.grad is not None]
            total = sum_of_ranks(torch.cat([gradient.flatten() for gradient in gradients])) / self.count
            parts = total.split([gradient.numel() for gradient in gradients])
            means = [part.view_as(gradient) for part, gradient in zip(parts, gradients, strict=True)]
            torch._foreach_copy_(gradients, means)

    def largest(self, *values: int) -> list[int]:
        """Return the largest of all ranks' values, one by one; all ranks must call it at the same step."""
        return of_every_rank(torch.tensor(values)).amax(dim=0).tolist()

    def wait(self) -> None:
        """Wait until every rank calls this."""
        self.largest(0)


def _leave() -> None:
    """Close the group while Python still runs, and give Gloo's threads time to release the last tensors.

    A thread that does so only when the interpreter ends aborts the process (pytorch/pytorch#179291).
    """
    dist.destroy_process_group()
    time.sleep(0.3)


def _own_gpu(number: int) -> torch.device:
    if number >= torch.cuda.device_count():
        remedy = "Start as many processes as there are GPUs, or use --device cpu."
        raise ConfigError(f"there are more ranks than GPUs ({torch.cuda.device_count()}).", remedy=remedy)
    torch.cuda.set_device(number)
    return torch.device("cuda", number)
