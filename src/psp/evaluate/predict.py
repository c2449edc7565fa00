"""From a trained network and stored clips to class probabilities."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy import ndarray
from torch import Tensor

from psp.batches.loader import Batches
from psp.dataset.store import Store
from psp.errors import CheckpointError
from psp.methods.methods import METHODS
from psp.methods.probabilities import class_probabilities
from psp.model.streams import Network
from psp.model.weights import load_network
from psp.train.device import allow_tf32, device_by_name
from psp.train.run import open_run, require_finished


@torch.no_grad()
def predict_logits(
    network: Network, batches: Batches, clips: Int64[ndarray, "s"], size: int = 128
) -> Float[Tensor, "s k"]:
    """Logits of clips, summed over the batches' views (eq. 14), in the order of `clips`.

    They are the mean over the stretches of a clip that the batches' configuration names (`test_crops`).
    """
    network.eval()
    looks = [
        torch.cat([network.logits(list(batch.views.values()), batch.persons).cpu() for batch in chunks])
        for chunks in (batches.in_order(clips, size, crop) for crop in batches.config.sample.test_crops)
    ]
    return torch.stack(looks).mean(0)


def predict_clips(run: Path, store: Store, device: str = "auto") -> tuple[tuple[str, ...], Float[Tensor, "s k"]]:
    """Class names of a run and their probabilities for every clip of a store, by the run's averaged weights."""
    stored = open_run(Path(run))
    require_finished(stored)
    same_preparation(store, stored.store_facts)
    config, place = stored.config, device_by_name(device)
    allow_tf32(config.precision)
    network = load_network(stored.folder.weights("average")).to(place)
    persons = stored.store_facts.get("persons")
    method = METHODS[config.method]
    batches = Batches(store, method.views, config.data, place, persons=persons)
    logits = predict_logits(network, batches, np.arange(len(store)))
    return tuple(stored.store_facts["classes"]), class_probabilities(logits, method)


def same_preparation(store: Store, facts: Mapping[str, Any]) -> None:
    """Refuse clips of another layout or in other coordinates than those that a run learnt from.

    Runs that do not tell how their clips were normalised are taken at their word.
    """
    if store.layout.name != facts["layout"]:
        what, remedy = f"these clips are {store.layout.name}, the run learnt {facts['layout']}.", "Use a fitting run."
        raise CheckpointError(what, where=str(store.path), remedy=remedy)
    normalised = store.manifest["preprocessing"].get("normalise")
    if "preprocessing" in facts and facts["preprocessing"].get("normalise") != normalised:
        what = "these clips were normalised in another way than those of the run."
        remedy = f"Prepare them with {facts['preprocessing'].get('normalise')}."
        raise CheckpointError(what, where=str(store.path), remedy=remedy)
