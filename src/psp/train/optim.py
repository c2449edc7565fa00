"""The optimiser and its learning rate; the rate is a pure function of the step, so there is no state to lose."""

import math
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.config.ranges import require
from psp.model.psp import PSPNetwork
from psp.train.muon import Muon


@dataclass(frozen=True)
class OptimConfig:
    """How the weights are changed.

    `momentum` is that of SGD and Muon, and AdamW's for gradients. After a linear warm-up the rate is multiplied by
    `factor` at every milestone (`steps`), or follows a half cosine down to `final` times itself (`cosine`). Warm-up and
    milestones count epochs. `clip_norm` 0 means no clipping.
    """

    optimiser: Literal["sgd", "adamw", "muon"] = "sgd"
    learning_rate: float = 0.05
    weight_decay: float = 5e-4
    momentum: float = 0.9
    warmup: float = 5.0
    schedule: Literal["steps", "cosine"] = "steps"
    milestones: tuple[int, ...] = (60, 90)
    factor: float = 0.1
    final: float = 0.01
    clip_norm: float = 0.0

    def __post_init__(self) -> None:
        require(0 < self.learning_rate < inf, "optim.learning_rate", self.learning_rate, "a finite number above 0")
        require(0 <= self.momentum < 1, "optim.momentum", self.momentum, "0 or more, below 1")
        for name in ("weight_decay", "warmup", "factor", "final", "clip_norm"):
            value = getattr(self, name)
            require(0 <= value < inf, f"optim.{name}", value, "a finite number of 0 or more")


def make_optimiser(network: nn.Module, config: OptimConfig) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum (paper, section 4.2), AdamW or Muon; the last two spare biases and norms decay.

    All are fused: one pass over all weights, which can be told on the device to leave them alone (`step_unless`).
    """
    weights: list[Tensor] = [weight for weight in network.parameters() if weight.requires_grad]
    rate, momentum = config.learning_rate, config.momentum
    if config.optimiser == "sgd":
        return torch.optim.SGD(
            weights, rate, momentum, weight_decay=config.weight_decay, nesterov=momentum > 0, fused=True
        )
    if config.optimiser == "muon":
        matrices = encoder_matrices(network)
        known = {id(weight) for weight in matrices}
        others = _decaying_and_spared([weight for weight in weights if id(weight) not in known], config)
        return Muon(matrices, others, rate, config.weight_decay, momentum)
    return torch.optim.AdamW(_decaying_and_spared(weights, config), rate, betas=(momentum, 0.999), fused=True)


def encoder_matrices(network: nn.Module) -> list[Tensor]:
    """The weights of all convolutions and linear layers of the encoders: what most of the learning goes into."""
    encoders = [part.encoder for part in network.modules() if isinstance(part, PSPNetwork)]
    layers = (layer for encoder in encoders for layer in encoder.modules() if isinstance(layer, nn.Conv2d | nn.Linear))
    return [layer.weight for layer in layers if layer.weight.requires_grad]


def _decaying_and_spared(weights: list[Tensor], config: OptimConfig) -> list[dict[str, Any]]:
    return [
        {"params": [weight for weight in weights if weight.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [weight for weight in weights if weight.ndim < 2], "weight_decay": 0.0},
    ]


def step_unless(optimiser: torch.optim.Optimizer, refused: Float[Tensor, ""]) -> None:
    """Take a step, unless `refused` is 1; the device looks, nobody waits for it (as torch.amp.GradScaler does)."""
    optimiser.found_inf = refused  # type: ignore[attr-defined]
    optimiser.step()


def learning_rate(config: OptimConfig, epoch: float, epochs: int) -> float:
    """The rate at a (fractional) epoch of a training of `epochs`."""
    if epoch < config.warmup:
        return config.learning_rate * max(epoch / config.warmup, 1e-3)
    if config.schedule == "steps":
        passed = sum(epoch >= milestone for milestone in config.milestones)
        return config.learning_rate * config.factor**passed
    progress = (epoch - config.warmup) / max(epochs - config.warmup, 1e-9)
    half_cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return config.learning_rate * (config.final + (1 - config.final) * half_cosine)
