"""ASSL: inpainting that is helped by neighbours of the same predicted class, and adversarial alignment.

Si et al. 2020, "Adversarial Self-Supervised Learning for Semi-Supervised 3D Action Recognition". The weights are 1 for
inpainting and 0.1 for alignment, as far as known. Simplified: neighbours are the most similar clips of the batch, not
of the data set; features are aggregated by the softmax of their cosine similarities; the discriminator is trained
through a reversed gradient in the same step; decoder and mask are those of `s4l`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from psp.batches.batch import Batch
from psp.config.ranges import require, require_not_negative
from psp.distributed import gather_ranks, rank_index
from psp.loss.adversarial import logistic, reversed_gradient
from psp.loss.classification import classification
from psp.methods.base import MethodConfig, PredictorMethod, Setting, StepContext, StepOutput
from psp.methods.masking import hide
from psp.methods.s4l import inpainting_error, inpainting_mask, make_decoders
from psp.model.convolution import NormalisedConvolution
from psp.model.decoder import Perceptron
from psp.model.encoded import Encoded


@dataclass(frozen=True)
class ASSLConfig(MethodConfig):
    """Options of ASSL.

    Args:
        modalities: modalities whose logits are summed
        inpainting: weight of the inpainting loss (lambda_1)
        alignment: weight of the adversarial loss (lambda_2)
        neighbours: how many neighbours are aggregated
        frames: share of the frames that are masked, in one block
        joints: probability that a joint is masked in all frames
    """

    inpainting: float = 1.0
    alignment: float = 0.1
    neighbours: int = 4
    frames: float = 0.3
    joints: float = 0.15

    def __post_init__(self) -> None:
        require_not_negative(self, "method", "inpainting", "alignment")
        require(self.neighbours >= 1, "method.neighbours", self.neighbours, "1 or more")
        require(0 < self.frames < 1, "method.frames", self.frames, "a share above 0, below 1")
        require(0 <= self.joints < 1, "method.joints", self.joints, "a probability below 1")


class ASSL(PredictorMethod[ASSLConfig]):
    """Cross entropy, inpainting from the features of a clip and of its neighbours, and adversarial alignment.

    A clip's neighbours are the most similar clips of the batch with the same predicted class. The discriminator tells
    labelled from unlabelled clips by their features and those of their neighbours; the encoder is trained against it.
    """

    Config = ASSLConfig
    unlabelled = ("weak",)

    def __init__(self, config: ASSLConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        width = setting.model.encoder.width
        self.decoders = make_decoders(setting, config.modalities, 3)
        self.merge = NormalisedConvolution(2 * width, width)
        self.discriminator = Perceptron(2 * width, width, 1)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return L_ce + inpainting * L_inp + alignment * L_adv."""
        free, config = batch["unlabelled"], self.config
        mask = inpainting_mask(free, config.frames, config.joints)
        samples = [batch["labelled"].sample, hide(free.sample, mask)]
        features = self.recogniser.encode(samples, self.setting.memory)
        own, other = (self.classify(features, number) for number in range(2))
        known, labels = own.sum(0), self.labels(batch)
        classes = torch.cat([known, other.sum(0)]).argmax(dim=1)
        merged, scores = {}, []
        for name, parts in features.items():
            pooled = [gather_ranks(each.pooled()) for each in parts]
            near = neighbour_features(torch.cat(pooled), classes, config.neighbours)
            merged[name] = self._with_neighbours(parts[1], near[len(pooled[0]) :])
            scores.append(self.discriminator(reversed_gradient(torch.cat([torch.cat(pooled), near], dim=1)))[:, 0])
        losses = {"classification": classification(known, labels)}
        backbone = self.recogniser.backbone
        losses["inpainting"] = inpainting_error(backbone, self.decoders, merged, free.sample, mask)
        losses["alignment"] = _alignment(scores, len(known))
        loss = losses["classification"] + config.inpainting * losses["inpainting"]
        return self.output(loss + config.alignment * losses["alignment"], losses, known, labels)

    def phase_parameters(self, phase: str) -> Sequence[nn.Parameter]:
        """Return the parameters of networks, decoders and discriminator."""
        further = (self.decoders, self.merge, self.discriminator)
        return [*super().phase_parameters(phase), *(weight for part in further for weight in part.parameters())]

    def _with_neighbours(self, encoded: Encoded, near: Float[Tensor, "a d"]) -> Encoded:
        """Return features of this rank's clips, merged with those of their neighbours."""
        shares = gather_ranks(torch.tensor([encoded.clips])).tolist()
        first = sum(shares[: rank_index()])
        rows = near[first : first + encoded.clips][encoded.row_clip.to(near.device)]
        both = torch.cat([encoded.features, rows[:, :, None, None].expand_as(encoded.features)], dim=1)
        return encoded.with_features(self.merge(both))


def neighbour_features(features: Float[Tensor, "a d"], classes: Tensor, count: int) -> Float[Tensor, "a d"]:
    """Return the sum of the features of each clip's neighbours, weighted by the softmax of their cosine similarities.

    The neighbours are the `count` most similar other clips of the same class; a clip without any is its own neighbour.
    """
    unit = F.normalize(features, dim=1)
    itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    allowed = (classes[:, None] == classes) & ~itself
    allowed = allowed | (itself & ~allowed.any(dim=1, keepdim=True))
    similarity = (unit @ unit.T).masked_fill(~allowed, float("-inf"))
    best = similarity.topk(min(count, len(unit)), dim=1)
    return torch.einsum("nk,nkd->nd", best.values.softmax(dim=1), features[best.indices])


def _alignment(scores: Sequence[Float[Tensor, "a"]], labelled: int) -> Float[Tensor, ""]:
    """Return the logistic loss of the discriminator, labelled clips being real, the mean over the modalities."""
    losses = [logistic(each[:labelled], 1.0) + logistic(each[labelled:], 0.0) for each in scores]
    return torch.stack(losses).mean() / 2
