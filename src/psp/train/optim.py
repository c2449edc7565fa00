"""The optimiser and its learning rate, which is a pure function of the step."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.config.ranges import require, require_not_negative
from psp.model.backbone import Backbone
from psp.train.muon import Muon


@dataclass(frozen=True)
class OptimConfig:
    """Options of the optimiser.

    Args:
        optimiser: sgd (with Nesterov momentum), adamw or muon
        learning_rate: learning rate after warm-up
        weight_decay: weight decay; adamw and muon exclude biases and norms
        momentum: momentum of sgd and muon, beta 1 of adamw
        warmup: epochs of linear warm-up
        schedule: steps multiplies the learning rate at milestones, cosine follows a half cosine
        milestones: epochs at which the learning rate is multiplied by factor
        factor: factor of the learning rate at every milestone
        final: share of the learning rate at which the half cosine ends
        clip_norm: largest norm of the gradients, 0 for no clipping
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
        require_not_negative(self, "optim", "weight_decay", "warmup", "factor", "final", "clip_norm")
        first = min(self.milestones, default=1)
        require(first > 0, "optim.milestones", first, "epochs from 1 on")


def make_optimiser(method: nn.Module, weights: Iterable[Tensor], config: OptimConfig) -> torch.optim.Optimizer:
    """Return SGD with Nesterov momentum (paper, section 4.2), AdamW or Muon for some weights of a method.

    All are fused: a step is one pass over all weights, and a tensor on the device can prevent it (`step_unless`).
    """
    weights = list(weights)
    rate, momentum = config.learning_rate, config.momentum
    if config.optimiser == "sgd":
        return torch.optim.SGD(
            weights, rate, momentum, weight_decay=config.weight_decay, nesterov=momentum > 0, fused=True
        )
    if config.optimiser == "muon":
        chosen = {id(weight) for weight in weights}
        matrices = [weight for weight in encoder_matrices(method) if id(weight) in chosen]
        known = {id(weight) for weight in matrices}
        others = _decay_groups([weight for weight in weights if id(weight) not in known], config)
        return Muon(matrices, others, rate, config.weight_decay, momentum)
    return torch.optim.AdamW(_decay_groups(weights, config), rate, betas=(momentum, 0.999), fused=True)


def encoder_matrices(method: nn.Module) -> list[Tensor]:
    """Return the weights of all convolutions and linear layers of the encoders."""
    encoders = [part.encoders for part in method.modules() if isinstance(part, Backbone)]
    layers = (layer for encoder in encoders for layer in encoder.modules() if isinstance(layer, nn.Conv2d | nn.Linear))
    return [layer.weight for layer in layers if layer.weight.requires_grad]


def _decay_groups(weights: list[Tensor], config: OptimConfig) -> list[dict[str, Any]]:
    """Return two parameter groups: matrices and kernels with weight decay, biases and norms without."""
    return [
        {"params": [weight for weight in weights if weight.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [weight for weight in weights if weight.ndim < 2], "weight_decay": 0.0},
    ]


def step_unless(optimiser: torch.optim.Optimizer, refused: Float[Tensor, ""]) -> None:
    """Take a step, unless the tensor `refused` is 1, without waiting for the device (as torch.amp.GradScaler does)."""
    optimiser.found_inf = refused  # type: ignore[attr-defined]
    optimiser.step()


def learning_rate(config: OptimConfig, epoch: float, epochs: int) -> float:
    """Return the learning rate at a (fractional) epoch of a stage of `epochs` epochs."""
    if epoch < config.warmup:
        return config.learning_rate * max(epoch / config.warmup, 1e-3)
    if config.schedule == "steps":
        passed = sum(epoch >= milestone for milestone in config.milestones)
        return config.learning_rate * config.factor**passed
    progress = (epoch - config.warmup) / max(epochs - config.warmup, 1e-9)
    half_cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return config.learning_rate * (config.final + (1 - config.final) * half_cosine)
