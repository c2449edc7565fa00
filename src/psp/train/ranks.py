"""Several processes working on one batch: each takes its share, gradients are averaged, and all stop together."""

import atexit
import os
import time

import torch
import torch.distributed as dist
from torch import nn

from psp.batches.loader import Draw
from psp.errors import ConfigError
from psp.model.across_ranks import of_every_rank, rank_count, sum_of_ranks
from psp.train.device import device_by_name


class Ranks:
    """The processes that torchrun started, or this one alone; chooses the device.

    Tensors of a GPU travel by NCCL. Those of the host travel by Gloo, so that asking other ranks something never waits
    for a GPU.
    """

    def __init__(self, device: str) -> None:
        self.device = device_by_name(device)
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
            remedy = "Choose larger batches or fewer ranks."
            raise ConfigError(
                f"a batch of {min(batches)} leaves some of {self.count} ranks without clips.", remedy=remedy
            )

    def share(self, draw: Draw) -> Draw:
        """This rank's part of a draw."""
        return draw.share(self.index, self.count)

    def average_gradients(self, network: nn.Module) -> None:
        """Give every rank the mean of all ranks' gradients, in one exchange."""
        if self.count > 1:
            gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
            total = sum_of_ranks(torch.cat([gradient.flatten() for gradient in gradients])) / self.count
            parts = total.split([gradient.numel() for gradient in gradients])
            means = [part.view_as(gradient) for part, gradient in zip(parts, gradients, strict=True)]
            torch._foreach_copy_(gradients, means)

    def largest(self, *values: int) -> list[int]:
        """The largest of all ranks' values, one by one; all ranks must ask at the same step."""
        return of_every_rank(torch.tensor(values)).amax(dim=0).tolist()

    def wait(self) -> None:
        """Wait until every rank is here."""
        self.largest(0)


def _leave() -> None:
    """Close the group while Python still lives, and give Gloo's threads time to let go of the last tensors.

    A thread that does so only when the interpreter is already ending aborts the process (pytorch/pytorch#179291).
    """
    dist.destroy_process_group()
    time.sleep(0.3)


def _own_gpu(number: int) -> torch.device:
    if number >= torch.cuda.device_count():
        remedy = "Start as many processes as there are GPUs, or use --device cpu."
        raise ConfigError(f"there are more ranks than GPUs ({torch.cuda.device_count()}).", remedy=remedy)
    torch.cuda.set_device(number)
    return torch.device("cuda", number)
