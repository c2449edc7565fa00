"""MS2L: motion prediction, a jigsaw of segments and contrast, learnt together.

Lin et al. 2020, "MS2L: Multi-Task Self-Supervised Learning for Skeleton Based Action Recognition": the last 30 % of the
frames are predicted, three segments are put in order (six permutations), and the features of the clip, of its masked
and of its shuffled form are contrasted with NT-Xent, tau 0.9; all weights are 1. Simplified: the common encoder and a
convolutional decoder instead of GRUs; contrast of the clip with each of the two forms instead of all with their mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import permutations

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from psp.batches.batch import Batch, Sample
from psp.batches.counter_rng import uniform
from psp.config.ranges import require
from psp.distributed import gather_ranks
from psp.loss.classification import classification
from psp.loss.ntxent import ntxent
from psp.loss.reconstruction import squared_error
from psp.methods.base import MethodConfig, PretrainingMethod, Setting, StepContext, StepOutput
from psp.methods.masking import hide, rank_mean
from psp.methods.s4l import make_decoders
from psp.model.heads import Classifier, Projection

ORDERS = tuple(permutations(range(3)))


@dataclass(frozen=True)
class MS2LConfig(MethodConfig):
    """Options of MS2L.

    Args:
        modalities: modalities, each with all three tasks
        temperature: tau of NT-Xent
        hidden: share of the frames, the last ones, that are predicted
    """

    temperature: float = 0.9
    hidden: float = 0.3

    def __post_init__(self) -> None:
        require(self.temperature > 0, "method.temperature", self.temperature, "a number above 0")
        require(0 < self.hidden < 1, "method.hidden", self.hidden, "a share above 0, below 1")


class MS2L(PretrainingMethod[MS2LConfig]):
    """The sum of the losses of motion prediction, jigsaw and contrast."""

    Config = MS2LConfig

    def __init__(self, config: MS2LConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        width = setting.model.encoder.width
        self.trained = setting.new_backbone(config.modalities)
        self.decoders = make_decoders(setting, config.modalities, 3)
        self.jigsaw = Classifier(width, len(ORDERS), 0.0)
        self.projection = Projection(width)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the sum of the three losses, the mean over the modalities."""
        clips = batch["unlabelled"]
        order = (uniform(clips.keys, "jigsaw") * len(ORDERS)).long()
        samples = [clips.sample, self._without_end(clips.sample), shuffled(clips.sample, order)]
        encoded = self.trained.encode(samples, self.setting.memory)
        order, losses = gather_ranks(order), []
        for decoder, (name, parts) in zip(self.decoders, encoded.items(), strict=True):
            wanted = self.trained.rows(clips.sample.modalities[name], clips.sample)
            motion = rank_mean(*squared_error(decoder(parts[1].features), wanted))
            pooled = [gather_ranks(part.pooled()) for part in parts]
            whole, masked, mixed = (self.projection(each) for each in pooled)
            contrast = torch.stack([ntxent(whole, each, self.config.temperature) for each in (masked, mixed)]).mean()
            losses.append(torch.stack([motion, classification(self.jigsaw(pooled[2]), order), contrast]))
        means = dict(zip(("motion", "jigsaw", "contrast"), torch.stack(losses).mean(0), strict=True))
        return StepOutput(torch.stack(losses).sum(1).mean(), means)

    def backbone(self) -> nn.Module:
        """Return the trained encoder(s)."""
        return self.trained

    def _without_end(self, sample: Sample) -> Sample:
        frames = self.setting.frames
        first = frames - max(1, round(self.config.hidden * frames))
        frame = torch.arange(frames, device=next(iter(sample.modalities.values())).device)
        return hide(sample, (frame >= first)[None, None, :, None].expand(len(sample), 1, -1, 1))


def shuffled(sample: Sample, order: Int64[Tensor, "n"]) -> Sample:
    """Return the sample with its three segments of frames in one of six orders for each clip."""
    return replace(sample, modalities={name: _permuted(values, order) for name, values in sample.modalities.items()})


def _permuted(values: Float[Tensor, "n m t v c"], order: Int64[Tensor, "n"]) -> Float[Tensor, "n m t v c"]:
    parts = torch.arange(values.shape[2]).tensor_split(3)
    frames = torch.stack([torch.cat([parts[part] for part in each]) for each in ORDERS]).to(values.device)[order]
    return values.gather(2, frames[:, None, :, None, None].expand_as(values))
