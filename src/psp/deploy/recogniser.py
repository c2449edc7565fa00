"""The computation from recorded joints to class probabilities as one module, which can be exported."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor, nn

from psp.batches.modalities import COORDINATES, MODALITIES
from psp.batches.resample import Crop, even_positions
from psp.batches.rescale import min_max
from psp.deploy.clips import ClipRecogniser, Padded
from psp.deploy.fill import fill
from psp.evaluate.arrays import cleaning
from psp.model.model_file import TrainedModel
from psp.preprocess.normalise import normalise


class Recogniser(ClipRecogniser, nn.Module):
    """Recorded joints -> gaps filled -> normalised -> resampled -> modalities -> predictor -> class probabilities.

    The result is that of preparation, `SampleMaker.whole` and `Predictor.logits`, but computed on padded tensors and
    without shapes that depend on data. `predict` chooses persons among bodies; `forward` expects chosen persons.
    """

    def __init__(self, model: TrainedModel) -> None:
        super().__init__()
        self.predictor, self.interface = model.predictor, model.interface
        self.any_persons = model.predictor.any_persons
        self.eval()

    @property
    def model(self) -> TrainedModel:
        """The trained model."""
        return TrainedModel(self.predictor, self.interface)

    def forward(
        self,
        joints: Float[Tensor, "n m t v c"],
        frames: Int64[Tensor, "n"],
        persons: Bool[Tensor, "n m"],
        confidence: Float[Tensor, "n m t v"] | None = None,
    ) -> Float[Tensor, "n k"]:
        """Return class probabilities; the inputs are described in `Padded`.

        Without `confidence` every joint without a NaN coordinate counts as observed.
        """
        ready = self._prepared(joints, frames, persons, confidence)
        crops = self.interface.data.resample.test_crops
        parts = [self._modalities(ready, frames, persons, crop) for crop in crops]
        stacked = {name: torch.cat([part[name] for part in parts]) for name in self.predictor.modalities}
        logits = self.predictor.dense_logits(stacked, persons.repeat(len(crops), 1))
        return self.predictor.probabilities(logits.unflatten(0, (len(crops), -1)).mean(0))

    @torch.no_grad()
    def compute(self, batch: Padded) -> Float32[np.ndarray, "n k"]:
        """Return the class probabilities of padded clips, computed on the device of the predictor."""
        device = next(self.predictor.parameters()).device
        inputs = (batch.joints, batch.frames, batch.persons, batch.confidence)
        return self(*(torch.from_numpy(each).to(device) for each in inputs)).cpu().numpy()

    def _prepared(
        self,
        joints: Float[Tensor, "n m t v c"],
        frames: Int64[Tensor, "n"],
        persons: Bool[Tensor, "n m"],
        confidence: Float[Tensor, "n m t v"] | None,
    ) -> Float[Tensor, "n m t v 3"]:
        """Return the clips prepared as in a store; two-dimensional ones get z = 0."""
        interface = self.interface
        frame = torch.arange(joints.shape[2], device=joints.device)
        inside = persons[:, :, None] & (frame < frames[:, None])[:, None]
        observed = inside[..., None] & ~joints.isnan().any(dim=4)
        repairs = cleaning(interface)
        if confidence is not None:
            observed = observed & (confidence > 0) & (confidence >= repairs.least_confidence)
        fills = repairs.fill_gaps
        if fills:
            joints = fill(joints, observed, interface.layout, interface.up)
            present = inside & observed.flatten(2).any(2)[..., None]
        else:
            joints, present = torch.where(observed[..., None], joints, 0.0), observed.any(3)
        ready = normalise(joints, present, interface.layout, interface.normalise, interface.up)
        ready = ready if fills else torch.where(observed[..., None], ready, 0.0)
        return F.pad(ready, (0, COORDINATES - interface.channels))

    def _modalities(
        self, joints: Float[Tensor, "n m t v 3"], frames: Int64[Tensor, "n"], persons: Bool[Tensor, "n m"], crop: Crop
    ) -> dict[str, Float[Tensor, "n m t2 v 3"]]:
        data, layout, up = self.interface.data, self.interface.layout, self.interface.prepared_up
        positions = even_positions(frames, data.resample.frames, crop)
        resampled = frames_at(joints, frames, positions)
        if data.rescale == "min-max":
            resampled = min_max(resampled, persons)
        made = {name: MODALITIES[name].make(resampled, layout, up) for name in self.predictor.modalities}
        if data.motion == "recorded" and "motion" in made:
            here, last = positions.floor(), (frames - 1)[:, None]
            made["motion"] = frames_at(joints, frames, torch.minimum(here + 1, last)) - frames_at(joints, frames, here)
        return made


def frames_at(
    joints: Float[Tensor, "n m t v c"], frames: Int64[Tensor, "n"], positions: Float[Tensor, "n t2"]
) -> Float[Tensor, "n m t2 v c"]:
    """Return padded clips at fractional frame positions."""
    clip = torch.arange(joints.shape[0], device=joints.device)[:, None]
    lower = positions.floor()
    below = lower.long()
    above = torch.minimum(below + 1, frames[:, None] - 1)
    by_frame = joints.transpose(1, 2)
    weight = (positions - lower)[:, :, None, None, None]
    return torch.lerp(by_frame[clip, below], by_frame[clip, above], weight).transpose(1, 2)
