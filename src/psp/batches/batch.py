"""The batches of a training step: clips, each in one or more augmented samples of several modalities."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from jaxtyping import Bool, Float, Int64
from torch import Tensor

from psp.batches.augment import AugmentConfig
from psp.batches.resample import ResampleConfig
from psp.config.ranges import require
from psp.errors import ConfigError

Pool = Literal["labelled", "unlabelled", "train"]
"""The clips of a batch: those with a label of the budget, training clips without one, or all training clips."""

Augmentation = Literal["none", "weak", "strong"]


@dataclass(frozen=True)
class BatchSpec:
    """One named batch of every step: its pool, number of clips, modalities and augmentations.

    Each entry of `augmentations` makes one sample of every clip: ("weak", "strong") for FixMatch, ("strong", "strong")
    for MoCo.
    """

    pool: Pool
    size: int
    modalities: tuple[str, ...] = ("joint", "motion")
    augmentations: tuple[Augmentation, ...] = ("strong",)


LARGEST = 65_536
"""The largest number of clips of a step."""


@dataclass(frozen=True)
class BatchSizes:
    """The batch sizes of a step; an epoch is one pass over the unlabelled pool in batches of `unlabelled` clips.

    Every method trains for that many steps, whether or not it uses unlabelled clips.

    Args:
        labelled: labelled clips of a step
        unlabelled: unlabelled clips of a step
        unlabelled_pool: train adds the labelled clips to the unlabelled ones, without their labels; without any
            unlabelled clip they are used anyway
    """

    labelled: int = 32
    unlabelled: int = 32
    unlabelled_pool: Literal["unlabelled", "train"] = "unlabelled"

    def __post_init__(self) -> None:
        require(1 <= self.labelled <= LARGEST, "batch.labelled", self.labelled, f"1 to {LARGEST}")
        require(1 <= self.unlabelled <= LARGEST, "batch.unlabelled", self.unlabelled, f"1 to {LARGEST}")


@dataclass(frozen=True)
class DataConfig:
    """How batches are made of stored clips.

    Args:
        resample: how clips are cut to a fixed number of frames
        weak: the weak augmentation
        strong: the strong augmentation
        modalities: whether all modalities of a sample share frames and augmentation (together) or each draws its own
            (apart)
        motion: whether motion is the difference of resampled frames or, as in PSP's published program, of recorded
            frames, which are drawn separately from those of the joints
        rescale: min-max brings every axis of a clip to -1 to 1 after augmentation, in training and in prediction
    """

    resample: ResampleConfig = field(default_factory=ResampleConfig)
    weak: AugmentConfig = field(default_factory=AugmentConfig)
    strong: AugmentConfig = field(default_factory=AugmentConfig)
    modalities: Literal["together", "apart"] = "together"
    motion: Literal["resampled", "recorded"] = "resampled"
    rescale: Literal["none", "min-max"] = "none"

    def __post_init__(self) -> None:
        if self.motion == "resampled":
            return
        if self.modalities == "together":
            what = "recorded motion draws its own frames, so the modalities cannot share frames."
            raise ConfigError(what, where="data.motion", remedy="Set data.modalities to apart.")
        if self.resample.overhang:
            what = "recorded motion is not known beyond the ends of a clip, so crops cannot reach beyond them."
            raise ConfigError(what, where="data.resample.overhang", remedy="Set it to 0, or data.motion to resampled.")
        if AugmentConfig() != self.weak or AugmentConfig() != self.strong:
            what = "recorded motion cannot be augmented together with the joints."
            raise ConfigError(what, where="data.strong", remedy="Leave it out, or set data.motion to resampled.")
        if self.rescale != "none":
            what = "recorded motion cannot be rescaled together with the joints."
            raise ConfigError(what, where="data.rescale", remedy="Leave it out, or set data.motion to resampled.")


@dataclass(frozen=True, eq=False)
class Sample:
    """One augmented sample of n clips: their modalities, which persons exist, and the confidence of each joint.

    `persons` is on the CPU, because the number of existing persons must be known there; all else is on the device.
    `confidence`, in [0, 1] with 0 for not observed, is None if no method uses it or every joint was observed. If each
    modality draws its own frames, it is that of the first one.
    """

    modalities: Mapping[str, Float[Tensor, "n m t v 3"]]
    persons: Bool[Tensor, "n m"]
    confidence: Float[Tensor, "n m t v"] | None = None

    def __len__(self) -> int:
        return len(self.persons)

    def only(self, modality: str) -> "Sample":
        """Return the same sample with one of its modalities."""
        return replace(self, modalities={modality: self.modalities[modality]})


@dataclass(frozen=True, eq=False)
class Batch:
    """n clips without labels: their indices in the store, keys for random numbers, and one sample per augmentation."""

    index: Int64[Tensor, "n"]
    keys: Int64[Tensor, "n"]
    samples: tuple[Sample, ...]

    def __len__(self) -> int:
        return len(self.index)

    @property
    def sample(self) -> Sample:
        """The first sample."""
        return self.samples[0]


@dataclass(frozen=True, eq=False)
class LabelledBatch(Batch):
    """n clips of the label budget, with their labels."""

    labels: Int64[Tensor, "n"]
