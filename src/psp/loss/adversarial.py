"""Adversarial losses: the logistic loss of a discriminator, and reversal of gradients."""

from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import Function, once_differentiable


def logistic(scores: Float[Tensor, "n"], real: float) -> Float[Tensor, ""]:
    """Return the mean cross entropy of sigmoid(scores) with the target `real`, from 0 to 1 (Goodfellow et al. 2014)."""
    return F.binary_cross_entropy_with_logits(scores, scores.new_full(scores.shape, real))


def reversed_gradient(features: Float[Tensor, "*s d"]) -> Float[Tensor, "*s d"]:
    """Return the features; gradients that flow back through them change their sign (Ganin and Lempitsky 2015)."""
    return _Reversed.apply(features)


class _Reversed(Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        return features.view_as(features)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return -gradient
