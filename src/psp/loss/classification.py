"""Losses on class logits, from labels and from pseudo-labels, and the accuracy of logits."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def classification(logits: Float[Tensor, "n k"], labels: Int[Tensor, "n"], smoothing: float = 0.0) -> Float[Tensor, ""]:
    """Return L_reg = -y^T log(softmax(logits)), eqs. 14-15; `logits` are summed over the modalities.

    The mean is over the clips with a label other than -1, the loss 0 without any. With `smoothing` s, y is (1 - s) at
    the label plus s / k at every class.
    """
    total = F.cross_entropy(logits, labels, label_smoothing=smoothing, ignore_index=-1, reduction="sum")
    return total / (labels >= 0).sum().clamp(min=1)


def soft_cross_entropy(
    logits: Float[Tensor, "n k"], targets: Float[Tensor, "n k"], sharpness: float = 1.0
) -> Float[Tensor, ""]:
    """Return the mean cross entropy with soft pseudo-labels q^sharpness / sum q^sharpness.

    Sharpening needs no confidence threshold (temperature sharpening, MixMatch, Berthelot et al. 2019).
    """
    sharp = targets**sharpness
    sharp = sharp / sharp.sum(dim=1, keepdim=True)
    return F.cross_entropy(logits, sharp.to(logits))


def confident_cross_entropy(
    logits: Float[Tensor, "n k"], targets: Float[Tensor, "n k"], threshold: float
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return the mean over all clips of the cross entropy with hard pseudo-labels, and the share of confident clips.

    The pseudo-label is the most probable class of `targets`; clips whose probability is below `threshold` contribute
    zero (FixMatch, Sohn et al. 2020, eq. 4).
    """
    confidence, label = targets.max(dim=1)
    mask = (confidence >= threshold).to(logits.dtype)
    return (F.cross_entropy(logits, label, reduction="none") * mask).mean(), mask.mean()


def align_distribution(targets: Float[Tensor, "n k"], mean: Float[Tensor, "k"]) -> Float[Tensor, "n k"]:
    """Return `targets` divided by their `mean` over many clips and normalised, so that classes are equally frequent.

    Distribution alignment (ReMixMatch, Berthelot et al. 2020) towards the uniform distribution.
    """
    even = targets / mean.clamp(min=torch.finfo(targets.dtype).tiny)
    return even / even.sum(dim=1, keepdim=True)


def probabilities(logits: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """Return softmax(logits) as constant targets, in single precision or better."""
    return logits.detach().to(torch.promote_types(logits.dtype, torch.float32)).softmax(dim=1)


def divergence(targets: Float[Tensor, "n k"], logits: Float[Tensor, "n k"]) -> Float[Tensor, "n"]:
    """Return KL(targets || softmax(logits)) of every clip."""
    return F.kl_div(logits.log_softmax(dim=1), targets, reduction="none").sum(dim=1)


def accuracy(logits: Float[Tensor, "n k"], labels: Int[Tensor, "n"]) -> Float[Tensor, ""]:
    """Return the share of correct clips among those with a label other than -1; 0 without any."""
    return (logits.argmax(dim=1) == labels).sum() / (labels >= 0).sum().clamp(min=1)


def entropy(logits: Float[Tensor, "n k"]) -> Float[Tensor, "n"]:
    """Return the entropy of softmax(logits) of every clip (entropy minimisation, Grandvalet and Bengio 2004)."""
    return -(logits.softmax(dim=1) * logits.log_softmax(dim=1)).sum(dim=1)


def squared_difference(logits: Float[Tensor, "n k"], targets: Float[Tensor, "n k"]) -> Float[Tensor, ""]:
    """Return the mean squared difference of softmax(logits) and target probabilities (Tarvainen and Valpola 2017)."""
    return F.mse_loss(logits.softmax(dim=1), targets.to(logits))
