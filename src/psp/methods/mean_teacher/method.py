"""PSP Learning with an EMA teacher, the method of the preset `best`."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from psp.batches.batch import Batch, Sample
from psp.config.ranges import require, require_not_negative
from psp.distributed import gather_ranks
from psp.loss.classification import align_distribution, classification, soft_cross_entropy
from psp.loss.coarse_to_fine import coarse_to_fine
from psp.methods.base import MethodConfig, PredictorMethod, Setting, StepContext, StepOutput, require_modalities
from psp.methods.mean_teacher.label_spreading import spread_labels
from psp.methods.mean_teacher.noisy_labels import FIRST_EPOCH, trusted_labels
from psp.methods.psp import contrastive_features, make_head
from psp.methods.supervised import STREAMS
from psp.model.encoded import Encoded
from psp.model.predictor import Predictor
from psp.model.pyramid_head import PyramidConfig, PyramidHead


@dataclass(frozen=True)
class MeanTeacherConfig(MethodConfig):
    """Options of PSP Learning with an EMA teacher.

    Args:
        modalities: modalities, each with losses of its own
        contrasted: the two modalities whose levels are contrasted
        temperature: tau of eqs. 10-12
        contrast: weight of the coarse-to-fine contrastive loss; 0 builds no pyramid
        label_smoothing: share of the target that is distributed evenly over the classes
        consistency: weight of the cross entropy with the teacher's soft pseudo-labels; 0 for no teacher
        distribution_alignment: align the soft pseudo-labels to equal class frequencies
        sharpness: power to which soft pseudo-labels are raised
        start: share of the epochs after which the teacher is used
        label_spreading: share of the soft pseudo-labels that comes from label spreading
        noisy_labels: a label is filtered out as noisy if its class has less than this share of the probability of the
            most probable class; 0 keeps all labels, as do trainings of ten epochs or fewer and those without a teacher
        pyramid: levels, attention and its weights
    """

    modalities: tuple[str, ...] = STREAMS
    contrasted: tuple[str, str] = ("joint", "velocity")
    temperature: float = 0.1
    contrast: float = 0.03
    label_smoothing: float = 0.1
    consistency: float = 1.0
    distribution_alignment: bool = True
    sharpness: float = 2.0
    start: float = 0.3
    label_spreading: float = 0.5
    noisy_labels: float = 0.0
    pyramid: PyramidConfig = field(default_factory=PyramidConfig)

    def __post_init__(self) -> None:
        require(0 < self.temperature < math.inf, "method.temperature", self.temperature, "a finite number above 0")
        require_not_negative(self, "method", "contrast", "consistency")
        require(0 <= self.label_smoothing < 1, "method.label_smoothing", self.label_smoothing, "0 or more, below 1")
        require(0 < self.sharpness <= 10, "method.sharpness", self.sharpness, "a number above 0, at most 10")
        for name in ("start", "label_spreading", "noisy_labels"):
            require(0 <= getattr(self, name) <= 1, f"method.{name}", getattr(self, name), "from 0 to 1")
        if self.contrast:
            require_modalities(self.contrasted, self.modalities, "method.contrasted")


class PSPMeanTeacher(PredictorMethod[MeanTeacherConfig]):
    """Eq. 16 with a loss for each modality, plus consistency with an EMA teacher (Tarvainen and Valpola 2017).

    The teacher, the predictor with averaged weights, predicts whole clips from all modalities at the start of every
    epoch; each modality of the augmented clip is trained towards that prediction. `targets` holds the latest soft
    pseudo-labels of all clips, `early` the sums of early predictions for the noisy-label filter, `trusted` the mask of
    labels that it keeps.
    """

    Config = MeanTeacherConfig
    fusion = "mean"
    targets: Tensor
    early: Tensor
    trusted: Tensor

    def __init__(self, config: MeanTeacherConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        self.register_buffer("targets", torch.zeros(setting.clips if config.consistency else 0, setting.classes))
        self.register_buffer("early", torch.zeros(setting.clips if config.noisy_labels else 0, setting.classes))
        self.register_buffer("trusted", torch.ones(setting.clips, dtype=torch.bool))

    def make_recogniser(self) -> Predictor:
        """Return a new predictor, and make contrastive heads for the networks of the contrasted modalities."""
        config, setting = self.config, self.setting
        own, encoders, classifiers, self.heads = setting.model.networks == "own", [], [], nn.ModuleDict()
        for name in config.modalities if own else ("all",):
            encoders.append(setting.encoder())
            classifiers.append(setting.classifier())
            if config.contrast and (name in config.contrasted or not own):
                self.heads[name] = make_head(setting, config.pyramid)
        return Predictor(setting.backbone(encoders, config.modalities), classifiers, self.fusion)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return L_reg + contrast * L_con + consistency * (cross entropy with the teacher's soft pseudo-labels)."""
        config, free = self.config, batch["unlabelled"]
        features = self.recogniser.encode([batch["labelled"].sample, free.sample], self.setting.memory)
        own, labels = self.classify(features, 0), self.labels(batch)
        loss = torch.stack([classification(logits, labels, config.label_smoothing) for logits in own]).mean()
        parts = {"classification": loss}
        if config.contrast:
            parts["contrast"] = self._contrast(features)
            loss = loss + config.contrast * parts["contrast"]
        if self._is_used(context):
            targets = gather_ranks(self.targets[free.index])
            each = [soft_cross_entropy(logits, targets, config.sharpness) for logits in self.classify(features, 1)]
            parts["consistency"] = torch.stack(each).mean()
            loss = loss + config.consistency * parts["consistency"]
        return self.output(loss, parts, own.sum(0), labels)

    def labels(self, batch: Mapping[str, Batch]) -> Int64[Tensor, "a"]:
        """Return the labels of the labelled batch, -1 where they were filtered out."""
        labels, trusted = super().labels(batch), gather_ranks(self.trusted[batch["labelled"].index])
        return torch.where(trusted, labels, -1)

    def parts(self, number: int) -> list[nn.Module]:
        """Return encoder, classifier and, if there is one, the contrastive head of a network."""
        name = self.recogniser.modalities[number] if self.setting.model.networks == "own" else "all"
        return [*super().parts(number), *([self.heads[name]] if name in self.heads else [])]

    @torch.no_grad()
    def on_epoch_start(self, context: StepContext) -> None:
        """Predict the training clips with the teacher, in early epochs for the noisy-label filter, then as targets."""
        if self._is_used(context):
            self._update_targets(context)
        elif self.config.noisy_labels and self.config.consistency and context.epoch >= FIRST_EPOCH:
            probabilities, _, labelled_rows = self._predict(context)
            known = context.passes.indices("labelled").to(self.early.device)
            self.early[known] += probabilities[labelled_rows].to(self.early)

    def findings(self) -> Mapping[str, Sequence[int]]:
        """Return the clips whose labels were filtered out."""
        return {"noisy labels": (~self.trusted).nonzero()[:, 0].tolist()}

    def pyramid_heads(self) -> Mapping[str, PyramidHead]:
        """Return the head of each of the two contrasted modalities."""
        names = self.config.contrasted if self.config.contrast else ()
        return {name: cast(PyramidHead, self.heads[name if name in self.heads else "all"]) for name in names}

    def _contrast(self, features: Mapping[str, Sequence[Encoded]]) -> Float[Tensor, ""]:
        """Return L_con of the two contrasted modalities of the unlabelled clips."""
        first, second = (
            contrastive_features(self.heads[name if name in self.heads else "all"], features[name][1])
            for name in self.config.contrasted
        )
        return coarse_to_fine(first, second, self.config.temperature)[0]

    def _is_used(self, context: StepContext) -> bool:
        first = math.ceil(round(self.config.start * context.epochs, 9))  # 0.28 of 50 is 14, not 14.000000000000002
        return self.config.consistency > 0 and context.epoch >= first

    def _update_targets(self, context: StepContext) -> None:
        """Compute new soft pseudo-labels; clips with a trusted label get that label."""
        known = context.passes.indices("labelled").to(self.targets.device)
        labels = context.labels[known]
        trusted = self._filter(known, labels)
        clips = _clips(context)
        if len(known) < len(clips) or not trusted.all():
            soft = self._soft_labels(context, labels, trusted)
            self.targets[clips.to(soft.device)] = soft.to(self.targets)
        certain = F.one_hot(labels, self.targets.shape[1]).to(self.targets)
        self.targets[known] = torch.where(trusted[:, None], certain, self.targets[known])

    def _filter(self, known: Int64[Tensor, "l"], labels: Int64[Tensor, "l"]) -> Bool[Tensor, "l"]:
        if self.config.noisy_labels:
            self.trusted[known] = trusted_labels(self.early[known], labels, self.config.noisy_labels)
        return self.trusted[known]

    def _soft_labels(
        self, context: StepContext, labels: Int64[Tensor, "l"], trusted: Bool[Tensor, "l"]
    ) -> Float[Tensor, "c k"]:
        """Return the mean of predictions and labels from label spreading, in the order of the clips."""
        soft, features, labelled_rows = self._predict(context)
        if not self.config.label_spreading:
            return soft
        found = spread_labels(features, labelled_rows[trusted], labels[trusted], soft.shape[1])
        reached = found.any(dim=1)
        soft[reached] = torch.lerp(soft[reached], self._aligned(found[reached]), self.config.label_spreading)
        return soft

    def _predict(self, context: StepContext) -> tuple[Float[Tensor, "c k"], Float[Tensor, "c d"], Int64[Tensor, "l"]]:
        """Return the teacher's probabilities and features of its clips, and the rows of the labelled ones."""
        assert context.ema is not None
        teacher, clips = context.ema, _clips(context)
        found, features = context.passes.collect(
            clips, teacher.modalities, lambda sample: _predict_sample(teacher, sample)
        )
        rows = torch.searchsorted(clips, context.passes.indices("labelled")).to(found.device)
        return self._aligned(found), features, rows

    def _aligned(self, probabilities: Float[Tensor, "c k"]) -> Float[Tensor, "c k"]:
        """Return normalised probabilities, with equally frequent classes if distributions are aligned."""
        known = probabilities + torch.finfo(probabilities.dtype).tiny
        known = known / known.sum(dim=1, keepdim=True)
        return align_distribution(known, known.mean(dim=0)) if self.config.distribution_alignment else known


def _clips(context: StepContext) -> Int64[Tensor, "c"]:
    """Return the clips that the teacher predicts, ascending."""
    indices = context.passes.indices
    return cast(Tensor, torch.cat([indices("unlabelled"), indices("labelled")]).unique())


def _predict_sample(teacher: Predictor, sample: Sample) -> tuple[Float[Tensor, "n k"], Float[Tensor, "n d"]]:
    """Return the mean probabilities of the modalities, and their unit features side by side."""
    encoded = {name: parts[0] for name, parts in teacher.encode([sample]).items()}
    probabilities = teacher.classify(encoded).float().softmax(dim=2).mean(0)
    features = [F.normalize(each.pooled().float(), dim=1) for each in encoded.values()]
    return probabilities, torch.cat(features, dim=1)
