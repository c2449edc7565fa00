"""Several processes working on one batch: each takes its share, gradients are averaged, and all stop together."""

import torch
from accelerate import PartialState
from accelerate.utils import gather, reduce
from torch import nn

from psp.data.batches import Draw
from psp.errors import ConfigError
from psp.train.device import device_by_name


class Ranks:
    """The processes that torchrun started, or this one alone; chooses the device."""

    def __init__(self, device: str) -> None:
        self.device = device_by_name(device)
        self._state = PartialState(cpu=self.device.type == "cpu")
        self.count, self.index = self._state.num_processes, self._state.process_index
        self.is_main = self._state.is_main_process
        if self.count > 1:
            if self._state.device.type != self.device.type:
                remedy = "Start other processes for another device."
                raise ConfigError(f"these ranks work together on {self._state.device.type}.", remedy=remedy)
            self.device = self._state.device

    def check(self, *batches: int) -> None:
        """Refuse batches that cannot be shared evenly."""
        if any(batch % self.count for batch in batches):
            remedy = "Choose batch sizes that the number of ranks divides."
            raise ConfigError(f"the batches cannot be shared evenly by {self.count} ranks.", remedy=remedy)

    def share(self, draw: Draw) -> Draw:
        """This rank's part of a draw."""
        return draw.share(self.index, self.count)

    def average_gradients(self, network: nn.Module) -> None:
        """Give every rank the mean of all ranks' gradients."""
        if self.count > 1:
            for weight in network.parameters():
                if weight.grad is not None:
                    weight.grad = reduce(weight.grad, "mean")

    def signal(self, own: int | None) -> int | None:
        """The number of a signal that any rank was sent, or None; all ranks must ask at the same step."""
        if self.count == 1:
            return own
        noted = gather(torch.tensor([own or 0], device=self.device))
        return int(noted.max()) or None

    def wait(self) -> None:
        """Wait until every rank is here."""
        self._state.wait_for_everyone()
