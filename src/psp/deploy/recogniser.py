"""Everything between recorded joints and class probabilities as one module, the one that is exported."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor, nn

from psp.batches.loader import BatchConfig
from psp.preprocess.normalise import NormaliseConfig, Up
from psp.batches.resample import Crop, even_positions
from psp.batches.modalities import VIEWS
from psp.deploy.normalisation import Normalisation
from psp.errors import CheckpointError
from psp.methods.methods import METHODS, Method
from psp.methods.probabilities import class_probabilities
from psp.model.psp import PSPNetwork
from psp.model.streams import Network
from psp.model.weights import load_network
from psp.train.run import StoredRun, require_finished


@dataclass(frozen=True)
class Reading:
    """How a recogniser reads clips: as which method's views, of how many frames, persons and in which coordinates.

    `normalise` is None where clips come normalised already. `persons` is the number of person slots in training, `up`
    the vertical axis of normalised clips.
    """

    method: Method
    data: BatchConfig
    normalise: NormaliseConfig | None
    persons: int
    up: Up = "y"


class Recogniser(nn.Module):
    """Recorded joints -> normalised -> resampled -> views -> network -> class probabilities (eq. 14).

    It computes what preparation, `Batches.testing` and `PSPNetwork.logits` compute one after the other, but on padded
    tensors and without a shape that depends on data: every person slot is encoded, absent ones are left out of the
    mean. Persons do not meet before that mean, so the result is the same.
    """

    def __init__(self, network: Network, reading: Reading) -> None:
        super().__init__()
        self.network, self.reading, self.layout = network, reading, network.layout
        self.frames, self.persons = reading.data.sample.frames, reading.persons
        self.normalisation = None
        if reading.normalise is not None:
            self.normalisation = Normalisation(network.layout, reading.normalise)
        self.eval()

    @property
    def any_persons(self) -> bool:
        """Whether clips may have any number of person slots; not if absent persons count as zeros in the mean."""
        return self.network.config.persons == "present"

    def forward(
        self, joints: Float[Tensor, "n m t v 3"], frames: Int64[Tensor, "n"], persons: Bool[Tensor, "n m"]
    ) -> Float[Tensor, "n k"]:
        """Return class probabilities; of clip i the first frames[i] frames and the persons marked true are read."""
        if self.normalisation is not None:
            frame = torch.arange(joints.shape[2], device=joints.device)
            inside = persons[:, :, None] & (frame < frames[:, None])[:, None]
            joints = self.normalisation(joints, inside)
        joints = torch.where(persons[:, :, None, None, None], joints, 0.0)
        crops = self.reading.data.sample.test_crops
        logits = [
            torch.stack([self._logits(self.network.of_view(i), view, persons) for i, view in enumerate(views)]).sum(0)
            for views in (self._views(joints, frames, crop) for crop in crops)
        ]
        return class_probabilities(torch.stack(logits).mean(0), self.reading.method)

    @torch.no_grad()
    def predict(
        self,
        joints: Float32[np.ndarray, "n m t v 3"],
        frames: Int64[np.ndarray, "n"],
        persons: Bool[np.ndarray, "n m"],
    ) -> Float32[np.ndarray, "n k"]:
        """The same for arrays, on the device of the network."""
        device = next(self.network.parameters()).device
        return self(*(torch.from_numpy(each).to(device) for each in (joints, frames, persons))).cpu().numpy()

    def _views(
        self, joints: Float[Tensor, "n m t v 3"], frames: Int64[Tensor, "n"], crop: Crop
    ) -> list[Float[Tensor, "n m t2 v 3"]]:
        data = self.reading.data
        positions = even_positions(frames, data.sample.frames, crop)
        resampled = frames_at(joints, frames, positions)
        views = {view: VIEWS[view](resampled, self.layout, self.reading.up) for view in self.reading.method.views}
        if data.motion == "recorded" and "motion" in views:
            here, last = positions.floor(), (frames - 1)[:, None]
            views["motion"] = frames_at(joints, frames, torch.minimum(here + 1, last)) - frames_at(joints, frames, here)
        return list(views.values())

    def _logits(
        self, network: PSPNetwork, view: Float[Tensor, "n m t v 3"], persons: Bool[Tensor, "n m"]
    ) -> Float[Tensor, "n k"]:
        """FC(AP(f)) with the mean over the chosen persons as a weighted sum."""
        n, m = persons.shape
        if not self.any_persons:
            persons = torch.ones_like(persons)
        features = network.encoder(view.flatten(0, 1).permute(0, 3, 1, 2))
        pooled = features.mean((2, 3)).unflatten(0, (n, m))
        weight = persons.to(pooled.dtype)[:, :, None]
        return network.classifier((pooled * weight).sum(1) / weight.sum(1))


def frames_at(
    joints: Float[Tensor, "n m t v c"], frames: Int64[Tensor, "n"], positions: Float[Tensor, "n t2"]
) -> Float[Tensor, "n m t2 v c"]:
    """Read padded clips at fractional frame positions."""
    clip = torch.arange(joints.shape[0], device=joints.device)[:, None]
    lower = positions.floor()
    below = lower.long()
    above = torch.minimum(below + 1, frames[:, None] - 1)
    by_frame = joints.transpose(1, 2)
    weight = (positions - lower)[:, :, None, None, None]
    return torch.lerp(by_frame[clip, below], by_frame[clip, above], weight).transpose(1, 2)


def recogniser_of(run: StoredRun, *, prepared: bool = False) -> Recogniser:
    """The recogniser of a finished run, with its averaged weights, for recordings or for `prepared` clips."""
    require_finished(run)
    network = load_network(run.folder.weights("average"))
    return Recogniser(network, reading_of(run, prepared=prepared))


def reading_of(run: StoredRun, *, prepared: bool = False) -> Reading:
    """How a run reads clips; runs that do not tell how theirs were normalised take them as they come."""
    facts = run.store_facts
    known = _normalise_config(facts.get("preprocessing", {}).get("normalise"), run)
    return Reading(
        METHODS[run.config.method],
        run.config.data,
        None if prepared else known,
        int(facts.get("persons", 1)),
        known.vertical if known else "y",
    )


def _normalise_config(settings: dict[str, Any] | None, run: StoredRun) -> NormaliseConfig | None:
    if settings is None:
        return None
    line = settings.get("shoulder_line")
    try:
        return NormaliseConfig(**{**settings, "shoulder_line": line and tuple(line)})
    except TypeError as error:
        what, remedy = f"its normalisation is not known ({error}).", "Use the version of psp that trained it."
        raise CheckpointError(what, where=str(run.folder.config), remedy=remedy) from error
