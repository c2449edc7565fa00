"""From logits to the probabilities that a user is shown."""

from jaxtyping import Float
from torch import Tensor

from psp.methods.method import Method


def class_probabilities(logits: Float[Tensor, "n k"], method: Method) -> Float[Tensor, "n k"]:
    """Return the softmax of the views' summed `logits` (eq. 14), of their mean where every view has its own loss.

    Views that learn apart are each as sure as their own loss wants; summed, n of them that agree would be n times as
    sure. Their mean is the logarithmic opinion pool (Genest and Zidek 1986). The order of the classes is the same.
    """
    return (logits / len(method.views) if method.learnt_apart else logits).softmax(dim=1)
