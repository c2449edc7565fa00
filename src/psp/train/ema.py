"""The exponential moving average of the weights."""

import copy

import torch
from torch import Tensor, nn

from psp.model.predictor import Predictor


class EMA:
    """The exponential moving average of the trained weights and the batch-norm statistics of a method.

    The decay is min(`decay`, (1 + step) / (10 + step)), so that the first steps soon lose their influence. Buffers
    other than those of batch normalisation, such as a memory bank, are not averaged.
    """

    def __init__(self, method: nn.Module, decay: float) -> None:
        self.decay, self._present = decay, averaged_state(method)
        self.state = {name: value.detach().clone() for name, value in self._present.items()}
        floating = [name for name, value in self.state.items() if value.is_floating_point()]
        counters = [name for name in self.state if name not in floating]
        self._averages, self._weights = ([each[name] for name in floating] for each in (self.state, self._present))
        self._copies, self._counters = ([each[name] for name in counters] for each in (self.state, self._present))

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the average with the present weights; counters are copied."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._averages, self._weights, 1 - decay)
        if self._counters:
            torch._foreach_copy_(self._copies, self._counters)

    def load(self, state: dict[str, Tensor]) -> None:
        """Load a stored average."""
        for name, value in state.items():
            self.state[name].copy_(value)

    def averaged(self, part: nn.Module, method: nn.Module) -> nn.Module:
        """Return a copy of a module of the method, in evaluation mode, that shares the averaged weights of this EMA."""
        prefix = next(name for name, module in method.named_modules() if module is part)
        own = {
            name.removeprefix(f"{prefix}."): value
            for name, value in self.state.items()
            if name.startswith(f"{prefix}.")
        }
        twin = copy.deepcopy(part).eval().requires_grad_(False)
        twin.load_state_dict(own, strict=False, assign=True)
        return twin


def averaged_state(method: nn.Module) -> dict[str, Tensor]:
    """Return the trained parameters of a method and the buffers of its batch norms, by name."""
    trained = {name: weight.data for name, weight in method.named_parameters() if weight.requires_grad}
    for prefix, module in method.named_modules():
        is_trained = any(weight.requires_grad for weight in module.parameters(recurse=False))
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and is_trained:
            trained |= {f"{prefix}.{name}": buffer for name, buffer in module.named_buffers()}
    return trained


def averaged_predictor(ema: EMA, method: nn.Module, predictor: Predictor | None) -> Predictor | None:
    """Return the predictor with averaged weights, None for a method without one."""
    if predictor is None:
        return None
    twin = ema.averaged(predictor, method)
    assert isinstance(twin, Predictor)
    return twin
