"""From a trained network and stored clips to class probabilities."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy import ndarray
from torch import Tensor

from psp.data.batches import Batches
from psp.data.store import Store
from psp.methods.methods import METHODS
from psp.model.psp import PSPNetwork
from psp.model.weights import load_network
from psp.train.device import device_by_name
from psp.train.run import open_run


@torch.no_grad()
def predict_logits(
    network: PSPNetwork, batches: Batches, clips: Int64[ndarray, "s"], size: int = 128
) -> Float[Tensor, "s k"]:
    """Logits of whole clips, summed over the batches' views (eq. 14), in the order of `clips`."""
    network.eval()
    chunks = batches.in_order(clips, size)
    return torch.cat([network.logits(list(batch.views.values()), batch.persons).cpu() for batch in chunks])


def predict_clips(run: Path, store: Store, device: str = "auto") -> tuple[tuple[str, ...], Float[Tensor, "s k"]]:
    """Class names of a run and their probabilities for every clip of a store, by the run's averaged weights."""
    folder, config, _, facts = open_run(run)
    place = device_by_name(device)
    network = load_network(folder.weights("average")).to(place)
    batches = Batches(store, METHODS[config.method].views, config.data, place)
    logits = predict_logits(network, batches, np.arange(len(store)))
    return tuple(facts["classes"]), logits.softmax(dim=1)
