"""Logits and class probabilities of a predictor for stored clips."""

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from psp.batches.loader import SampleMaker
from psp.dataset.store import Store
from psp.model.model_file import TrainedModel
from psp.model.predictor import Predictor

SIZE = 128
"""The number of clips in a batch."""


@torch.no_grad()
def predict_logits(
    predictor: Predictor, maker: SampleMaker, index: Int64[np.ndarray, "s"], size: int = SIZE
) -> Float[Tensor, "s k"]:
    """Return the logits of clips, on the CPU, in the order of `index`.

    They are summed over the modalities (eq. 14) and averaged over the `test_crops` of the maker's configuration. The
    predictor is set to evaluation mode.
    """
    predictor.eval()
    crops = [
        torch.cat([predictor.logits(batch.sample).cpu() for batch in batches])
        for batches in (
            maker.in_order(index, predictor.modalities, size, crop) for crop in maker.config.resample.test_crops
        )
    ]
    return torch.stack(crops).mean(0)


def predict_store(model: TrainedModel, store: Store) -> Float[Tensor, "clips k"]:
    """Return the class probabilities of all clips of a store, computed on the device of the model.

    A store of another layout or another preparation than that of the model raises CheckpointError.
    """
    model.require_prepared_alike(store)
    return model.predictor.probabilities(
        predict_logits(model.predictor, maker_for(model, store), np.arange(len(store)))
    )


def maker_for(model: TrainedModel, store: Store) -> SampleMaker:
    """Return a maker of samples of a store for a model, on its device."""
    device = next(model.predictor.parameters()).device
    return SampleMaker(store, model.interface.data, device, persons=model.interface.persons)
