"""Learning from a teacher's probabilities of the classes."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def taught(logits: Float[Tensor, "n k"], beliefs: Float[Tensor, "n k"], sharpness: float) -> Float[Tensor, ""]:
    """Return the cross entropy with the teacher's beliefs q^sharpness / sum q^sharpness.

    Sharpened beliefs move the decision away from the unlabelled clips without a threshold that would leave the unsure
    ones out (temperature sharpening, Berthelot et al. 2019).
    """
    target = beliefs**sharpness
    target = target / target.sum(dim=1, keepdim=True)
    return F.cross_entropy(logits, target)


def aligned(beliefs: Float[Tensor, "n k"], mean: Float[Tensor, "k"]) -> Float[Tensor, "n k"]:
    """Divide beliefs by their `mean` over many clips: no class is believed in more often than another.

    Distribution alignment (Berthelot et al. 2020), with classes taken as equally frequent.
    """
    even = beliefs / mean.clamp(min=torch.finfo(beliefs.dtype).tiny)
    return even / even.sum(dim=1, keepdim=True)
