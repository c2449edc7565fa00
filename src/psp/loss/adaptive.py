"""Weights of pseudo-labels that follow the state of training: FreeMatch's thresholds and SoftMatch's Gaussian."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


def class_thresholds(confidence: Float[Tensor, ""], classes: Float[Tensor, "k"]) -> Float[Tensor, "k"]:
    """Return the threshold of every class, confidence * p / max p (FreeMatch, Wang et al. 2023, eq. 8).

    `confidence` is the average largest probability, `classes` the average probability p of each class.
    """
    return confidence * classes / classes.max()


def fairness(
    strong: Float[Tensor, "n k"],
    used: Bool[Tensor, "n"],
    classes: Float[Tensor, "k"],
    histogram: Float[Tensor, "k"],
) -> Float[Tensor, ""]:
    """Return sum_k a_k log b_k, the negative cross entropy of self-adaptive fairness (FreeMatch, eqs. 10-11).

    a is proportional to the average probabilities over the average histogram of predictions, b to the same ratio of
    this step's `strong` probabilities with a `used` pseudo-label. 0 if none is used.
    """
    chosen = strong * used[:, None]
    count = used.sum().clamp(min=1)
    own = torch.zeros_like(strong).scatter(1, strong.argmax(dim=1, keepdim=True), 1.0) * used[:, None]
    wanted = normalised(classes / histogram.clamp(min=1e-12))
    found = normalised(_ratio(chosen.sum(0) / count, own.sum(0) / count))
    return (wanted * (found + 1e-12).log()).sum() * used.any()


def truncated_gaussian(
    confidence: Float[Tensor, "n"], mean: Float[Tensor, ""], variance: Float[Tensor, ""], width: float = 2.0
) -> Float[Tensor, "n"]:
    """Return weights: 1 from the mean on, below it exp(-(c - mean)^2 width^2 / (2 variance)) (SoftMatch, Chen 2023)."""
    below = (confidence - mean).clamp(max=0)
    return (-(below**2) * width**2 / (2 * variance.clamp(min=1e-12))).exp()


def class_shares(labels: Int64[Tensor, "n"], classes: int) -> Float[Tensor, "k"]:
    """Return the share of every class among the labels."""
    counts = torch.zeros(classes, device=labels.device).index_add(
        0, labels, torch.ones(len(labels), device=labels.device)
    )
    return counts / len(labels)


def normalised(values: Float[Tensor, "k"]) -> Float[Tensor, "k"]:
    """Return values divided by their sum."""
    return values / values.sum().clamp(min=1e-12)


def _ratio(above: Float[Tensor, "k"], below: Float[Tensor, "k"]) -> Float[Tensor, "k"]:
    """Return the ratio, or the numerator where the denominator is zero."""
    return above / torch.where(below > 0, below, torch.ones_like(below))
