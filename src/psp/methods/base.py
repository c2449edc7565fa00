"""The interface of training methods: an nn.Module that owns all parameters and buffers of a method.

Its `state_dict` is its checkpoint. The trainer uses methods only through this interface.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

from jaxtyping import Float, Int64
from torch import Tensor, nn

from psp.batches.batch import Augmentation, Batch, BatchSizes, BatchSpec, LabelledBatch, Pool, Sample
from psp.batches.modalities import require_known
from psp.distributed import gather_ranks
from psp.errors import CheckpointError, ConfigError
from psp.loss.classification import accuracy
from psp.model.backbone import Backbone, ModelConfig
from psp.model.encoded import Encoded
from psp.model.encoder import EncoderConfig, make_encoder
from psp.model.heads import Classifier
from psp.model.memory import MemoryConfig
from psp.model.predictor import Fusion, Predictor, make_predictor
from psp.model.pyramid_head import PyramidHead
from psp.skeleton.layout import Layout


@dataclass(frozen=True)
class MethodConfig:
    """Base of the options of a method.

    Args:
        modalities: modalities of the clips
    """

    modalities: tuple[str, ...] = ("joint", "motion")


C = TypeVar("C", bound=MethodConfig)


@dataclass(frozen=True)
class Setting:
    """What a method is built for: data set, network and batch sizes; `clips` is the number of clips of the store."""

    layout: Layout
    classes: int
    clips: int
    frames: int
    model: ModelConfig = field(default_factory=ModelConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    batch: BatchSizes = field(default_factory=BatchSizes)

    def encoder(self) -> nn.Module:
        """Return a new encoder."""
        return make_encoder(self.layout, self.frames, self.model.encoder)

    def classifier(self) -> Classifier:
        """Return a new classifier."""
        return Classifier(self.model.encoder.width, self.classes, self.model.dropout)

    def backbone(self, encoders: Sequence[nn.Module], modalities: Sequence[str]) -> Backbone:
        """Return the backbone with the given encoders."""
        return Backbone(encoders, modalities, self.layout, self.frames, self.model)

    def new_backbone(self, modalities: Sequence[str]) -> Backbone:
        """Return a backbone with one new encoder, or one for each modality, as configured."""
        count = len(modalities) if self.model.networks == "own" else 1
        return self.backbone([self.encoder() for _ in range(count)], modalities)

    def predictor(self, modalities: Sequence[str], fusion: Fusion) -> Predictor:
        """Return a new predictor with one network, or one for each modality, as configured."""
        return make_predictor(self.layout, self.frames, self.classes, self.model, modalities, fusion)


@dataclass(frozen=True, eq=False)
class StepOutput:
    """The loss to minimise and named metrics for the log; on several ranks both are those of the whole batch."""

    loss: Float[Tensor, ""]
    metrics: Mapping[str, Float[Tensor, ""]]


class Passes:
    """Passes over whole training clips without augmentation, divided among the ranks."""

    def indices(self, pool: Pool) -> Int64[Tensor, "s"]:
        """Return the clip indices of a pool, on the CPU."""
        raise NotImplementedError

    def collect(
        self, index: Int64[Tensor, "s"], modalities: Sequence[str], function: Callable[[Sample], tuple[Tensor, ...]]
    ) -> tuple[Tensor, ...]:
        """Return what `function` returns for all clips, in the order of `index`; one row per clip."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class StepContext:
    """The state of training that a method may use besides its batches.

    `step` counts from 0; `ema` is the predictor with averaged weights, in evaluation mode; `labels` holds the label of
    every clip of the store, -1 for clips outside the label budget.
    """

    step: int
    steps: int
    steps_per_epoch: int
    ema: Predictor | None
    passes: Passes
    labels: Int64[Tensor, "clips"]

    @property
    def epoch(self) -> int:
        """The epoch, from 0."""
        return self.step // self.steps_per_epoch

    @property
    def epochs(self) -> int:
        """The number of epochs."""
        return self.steps // self.steps_per_epoch

    @property
    def progress(self) -> float:
        """The share of finished steps, in [0, 1]."""
        return self.step / self.steps


class Method(nn.Module, Generic[C]):
    """A method of training on labelled and unlabelled clips.

    A subclass builds its modules and buffers in `__init__`, names its batches and computes a loss. Every step runs the
    `phases` one after the other, each with an optimiser of its own (an adversarial method: discriminator, main).
    `trains_predictor` is False for pure pre-training. `uses_confidence` says that samples need confidence.
    `own_encoder` is the encoder of a method that is an encoder design; None for those that take any encoder.
    """

    Config: ClassVar[type[MethodConfig]] = MethodConfig
    phases: ClassVar[tuple[str, ...]] = ("main",)
    trains_predictor: ClassVar[bool] = True
    uses_confidence: ClassVar[bool] = False
    own_encoder: ClassVar[EncoderConfig | None] = None

    def __init__(self, config: C, setting: Setting) -> None:
        super().__init__()
        self.config, self.setting = config, setting

    def batches(self) -> Mapping[str, BatchSpec]:
        """Return the named batches of a step."""
        raise NotImplementedError

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the loss of a phase of one step; `batch` holds the batches by name."""
        raise NotImplementedError

    def predictor(self) -> Predictor | None:
        """Return the predictor that is averaged, evaluated and exported; None for pure pre-training."""
        return None

    def backbone(self) -> nn.Module:
        """Return the module from which the next stage starts."""
        predictor = self.predictor()
        assert predictor is not None
        return predictor.backbone

    def phase_parameters(self, phase: str) -> Iterable[nn.Parameter]:
        """Return the parameters that the optimiser of a phase changes."""
        return (weight for weight in self.parameters() if weight.requires_grad)

    def on_stage_start(self, context: StepContext) -> None:
        """Do nothing; called once before the first step of a stage."""

    def on_epoch_start(self, context: StepContext) -> None:
        """Do nothing; called before the first step of every epoch."""

    def on_step_end(self, context: StepContext) -> None:
        """Do nothing; called after every step of the optimisers."""

    def load_backbone(self, state: Mapping[str, Tensor]) -> None:
        """Load the weights of a trained backbone; CheckpointError if the shapes differ."""
        try:
            self.backbone().load_state_dict(state)
        except RuntimeError as error:
            what = "the trained backbone has other weights than the backbone of this method."
            remedy = "Use the same encoder, and the same choice of model.networks, in both stages."
            raise CheckpointError(what, where=type(self).__name__, remedy=remedy) from error

    def findings(self) -> Mapping[str, Sequence[int]]:
        """Return clip indices to be listed in the result of the run, by the name of the finding."""
        return {}

    def pyramid_heads(self) -> Mapping[str, PyramidHead]:
        """Return the trained contrastive head of every contrasted modality, for figures; empty for most methods."""
        return {}


class PretrainingMethod(Method[C]):
    """A method that pre-trains a backbone on the training clips without labels, in the given augmentations.

    A second stage, such as `supervised`, starts from the backbone. The clips are the batch "unlabelled".
    """

    trains_predictor: ClassVar[bool] = False
    augmentations: ClassVar[tuple[Augmentation, ...]] = ("strong",)

    def batches(self) -> Mapping[str, BatchSpec]:
        """Return training clips in the augmentations of the method."""
        size = self.setting.batch.unlabelled
        return {"unlabelled": BatchSpec("train", size, self.config.modalities, self.augmentations)}


class PredictorMethod(Method[C]):
    """A method that trains a predictor, `self.recogniser`, on batches "labelled" and, if needed, "unlabelled".

    `unlabelled` names the augmentations of the unlabelled clips, one sample each; an empty tuple means no such batch.
    """

    unlabelled: ClassVar[tuple[Augmentation, ...]] = ("strong",)
    fusion: ClassVar[Fusion] = "sum"

    def __init__(self, config: C, setting: Setting) -> None:
        super().__init__(config, setting)
        self.recogniser = self.make_recogniser()

    def make_recogniser(self) -> Predictor:
        """Return a new predictor; a method with further modules for each network makes them here too."""
        return self.setting.predictor(self.config.modalities, self.fusion)

    def batches(self) -> Mapping[str, BatchSpec]:
        """Return weakly augmented labelled clips and unlabelled clips in the augmentations of the method."""
        sizes, modalities = self.setting.batch, self.recogniser.modalities
        specs = {"labelled": BatchSpec("labelled", sizes.labelled, modalities, ("weak",))}
        if self.unlabelled:
            specs["unlabelled"] = BatchSpec("unlabelled", sizes.unlabelled, modalities, self.unlabelled)
        return specs

    def predictor(self) -> Predictor:
        """Return the predictor, `self.recogniser`."""
        return self.recogniser

    def phase_parameters(self, phase: str) -> Iterable[nn.Parameter]:
        """Return all parameters, network by network."""
        parts = (part for number in range(len(self.recogniser.classifiers)) for part in self.parts(number))
        return (weight for part in parts for weight in part.parameters())

    def parts(self, number: int) -> list[nn.Module]:
        """Return the modules of one of the networks: its encoder, its classifier and further heads."""
        return [self.recogniser.backbone.encoders[number], self.recogniser.classifiers[number]]

    def classify(self, features: Mapping[str, Sequence[Encoded]], sample: int) -> Float[Tensor, "s a k"]:
        """Return the logits of every modality for one encoded sample, for the clips of all ranks."""
        own = self.recogniser.classify({name: parts[sample] for name, parts in features.items()})
        return gather_ranks(own.transpose(0, 1)).transpose(0, 1)

    def labels(self, batch: Mapping[str, Batch]) -> Int64[Tensor, "a"]:
        """Return the labels of the labelled batch, of the clips of all ranks."""
        labelled = batch["labelled"]
        assert isinstance(labelled, LabelledBatch)
        return gather_ranks(labelled.labels)

    @staticmethod
    def output(loss: Tensor, parts: Mapping[str, Tensor], logits: Tensor, labels: Tensor) -> StepOutput:
        """Return a step's loss with its parts and the accuracy on the labelled clips."""
        return StepOutput(loss, {**parts, "accuracy": accuracy(logits, labels)})


def require_modalities(names: Sequence[str], chosen: Sequence[str], where: str) -> None:
    """Raise ConfigError if one of `names` is not among the `chosen` modalities."""
    require_known(chosen)
    missing = [name for name in names if name not in chosen]
    if missing:
        what = f"the modality {missing[0]!r} is not among the modalities of the method."
        raise ConfigError(what, where=where, remedy=f"Choose from {', '.join(chosen)}.")
