"""The state of a training as tensors by name, which checkpoints hold."""

from collections.abc import Mapping

import torch
from torch import Tensor

from psp.train.checkpoint import under
from psp.train.trainer import Trainer


def state_of(trainer: Trainer) -> dict[str, Tensor]:
    """Return all state that the next step depends on, by name."""
    tensors = {f"method.{name}": value for name, value in trainer.method.state_dict().items()}
    tensors |= {f"ema.{name}": value for name, value in trainer.ema.state.items()}
    for phase, optimiser in trainer.optimisers.items():
        for number, values in optimiser.state_dict()["state"].items():
            known = {name: value for name, value in values.items() if value is not None}
            tensors |= {f"optimiser.{phase}.{number}.{name}": value for name, value in known.items()}
    return tensors | random_state()


def restore(trainer: Trainer, tensors: Mapping[str, Tensor]) -> None:
    """Bring a trainer, and the random number generators, into a state that `state_of` returned."""
    trainer.method.load_state_dict(under("method.", tensors))
    trainer.ema.load(under("ema.", tensors))
    for phase, optimiser in trainer.optimisers.items():
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in under(f"optimiser.{phase}.", tensors).items():
            number, key = name.split(".", 1)
            state.setdefault(int(number), {})[key] = value
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    set_random_state(tensors)


def random_state() -> dict[str, Tensor]:
    """Return the state of the random number generators of dropout, by name."""
    state = {"random.cpu": torch.get_rng_state()}
    return state | ({"random.cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})


def set_random_state(tensors: Mapping[str, Tensor]) -> None:
    """Set the random number generators of dropout to a state that `random_state` returned."""
    torch.set_rng_state(tensors["random.cpu"])
    if torch.cuda.is_available() and "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])
