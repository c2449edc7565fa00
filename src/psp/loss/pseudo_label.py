"""Learning from the network's own confident predictions on unlabelled clips."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def pseudo_label(first: Float[Tensor, "n k"], second: Float[Tensor, "n k"], confidence: float) -> Float[Tensor, ""]:
    """Let each view learn the class that both views together predict, where they are surer than `confidence`.

    The class is the largest of softmax(first + second), eq. 14, and gives no gradient (pseudo-labels, Lee 2013, with
    the threshold of FixMatch, Sohn et al. 2020). A view alone stands for both: its logits count twice.
    """
    surest, label = (first + second).detach().softmax(dim=1).max(dim=1)
    chosen = (surest > confidence).to(first.dtype)
    losses = torch.stack([F.cross_entropy(2 * view, label, reduction="none") for view in (first, second)])
    return (chosen * losses.mean(dim=0)).mean()
