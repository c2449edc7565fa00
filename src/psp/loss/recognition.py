"""The recognition loss on labelled clips."""

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def recognition(logits: Float[Tensor, "n k"], labels: Int[Tensor, "n"], smoothing: float = 0.0) -> Float[Tensor, ""]:
    """Return L_reg = -y^T log(softmax(logits)), eqs. 14-15; `logits` are summed over the views.

    The mean is over the clips that have a label, which is not -1. With `smoothing` s, y is (1 - s) at the label plus
    s / k at every class.
    """
    total = F.cross_entropy(logits, labels, label_smoothing=smoothing, ignore_index=-1, reduction="sum")
    return total / (labels >= 0).sum().clamp(min=1)
