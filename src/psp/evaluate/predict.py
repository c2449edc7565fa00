"""From a trained network and stored clips to class probabilities."""

import torch
from jaxtyping import Float, Int64
from numpy import ndarray
from torch import Tensor

from psp.data.batches import Batches
from psp.model.psp import PSPNetwork


@torch.no_grad()
def predict_logits(
    network: PSPNetwork, batches: Batches, clips: Int64[ndarray, "s"], size: int = 128
) -> Float[Tensor, "s k"]:
    """Logits of whole clips, summed over the batches' views (eq. 14), in the order of `clips`."""
    network.eval()
    chunks = batches.in_order(clips, size)
    return torch.cat([network.logits(list(batch.views.values()), batch.persons).cpu() for batch in chunks])
