"""The exponential moving average of the weights."""

import torch
from torch import Tensor, nn


class WeightAverage:
    """An average over the last steps of all weights and batch-norm statistics, kept beside the network.

    The decay is min(`decay`, (1 + step) / (10 + step)), so that the first steps are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        present = network.state_dict()
        self.state = {name: value.detach().clone() for name, value in present.items()}
        floating = [name for name, value in present.items() if value.is_floating_point()]
        counters = [name for name in present if name not in floating]
        self._present = [present[name] for name in floating], [present[name] for name in counters]
        self._average = [self.state[name] for name in floating], [self.state[name] for name in counters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the average towards the network's present state; counters are taken over as they are."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._average[0], self._present[0], 1 - decay)
        if self._present[1]:
            torch._foreach_copy_(self._average[1], self._present[1])

    def load(self, state: dict[str, Tensor]) -> None:
        """Take over a stored average."""
        for name, value in state.items():
            self.state[name].copy_(value)
