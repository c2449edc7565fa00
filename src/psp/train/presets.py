"""The presets: `paper` (the text of the paper), `published` (the authors' program), `best` (the most accurate one).

A preset depends on the size of the data and the kind of recordings, not on the name of a data set.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from psp.batches.augment import AugmentConfig
from psp.batches.batch import BatchSizes, DataConfig
from psp.batches.modalities import usable
from psp.batches.resample import ResampleConfig
from psp.methods import METHODS
from psp.methods.base import MethodConfig
from psp.methods.mean_teacher import MeanTeacherConfig
from psp.methods.psp import PSPConfig
from psp.methods.supervised import STREAMS
from psp.model.encoder import GRAPH, EncoderConfig, Size
from psp.model.presets import paper_model, published_model
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Up
from psp.train.config import RuntimeConfig, Stage, TrainConfig, method_config, method_name
from psp.train.optim import OptimConfig
from psp.train.run_folder import Task

PresetName = Literal["paper", "published", "best"]

LARGE = 10_000
"""The number of training clips from which a data set is large, such as NTU RGB+D."""

FEW = 10
"""The number of labels per class below which labels are few."""


@dataclass(frozen=True)
class DataFacts:
    """The facts on which presets depend: training clips, labels per class, layout, vertical axis, coordinates, persons.

    `persons` is the number of persons that more than a tenth of the training clips have.
    """

    clips: int
    labels_per_class: float
    layout: Layout
    up: Up = "y"
    channels: int = 3
    persons: int = 1

    @property
    def is_large(self) -> bool:
        """Whether there are as many clips as in NTU RGB+D rather than in NW-UCLA."""
        return self.clips >= LARGE

    @property
    def is_seen_from_above(self) -> bool:
        """Whether the recordings are images in which no direction is up, as those of animals in an arena."""
        return self.channels == 2 and self.up == "none"

    @property
    def has_few_labels(self) -> bool:
        """Whether the classes have fewer than ten labels on average."""
        return self.labels_per_class < FEW


def facts_of(task: Task) -> DataFacts:
    """Return the facts of a task on which presets depend."""
    store = task.store
    labels = len(task.labels.ids) / len(task.classes)
    persons = int(np.quantile(store.clips.persons[task.split.train_index(store)], 0.9))
    return DataFacts(len(task.split.train), labels, store.layout, store.up, store.channels, persons)


def paper(facts: DataFacts, size: Size = "full") -> TrainConfig:
    """Return the settings of section 4.2 of the paper: for large data sets those for NTU RGB+D, else for NW-UCLA.

    The batch of 64 (128) is divided evenly into labelled and unlabelled clips; the paper does not state the division.
    """
    model, pyramid = paper_model(size)
    optim = OptimConfig(learning_rate=0.05, weight_decay=5e-4, warmup=5, milestones=(60, 90))
    half, epochs = 32, 120
    if not facts.is_large:
        optim = OptimConfig(learning_rate=0.06, weight_decay=1e-4, warmup=20, milestones=(76, 130))
        pyramid = replace(pyramid, part_to_joint=0.1, body_to_joint=0.2)
        half, epochs = 64, 300
    stage = Stage(PSPConfig(pyramid=pyramid), batch=BatchSizes(half, half), optim=optim, epochs=epochs)
    return TrainConfig((stage,), model, DataConfig(resample=ResampleConfig(train="random")))


def published(facts: DataFacts, size: Size = "full") -> TrainConfig:
    """Return the settings of the authors' program: its learning rate, batches and frames; all clips are unlabelled."""
    model, pyramid = published_model(size)
    data = DataConfig(ResampleConfig(train="random"), modalities="apart", motion="recorded")
    optim = OptimConfig(learning_rate=0.01, weight_decay=4e-4, warmup=5, milestones=(60, 90))
    method, batch = PSPConfig(contrast=0.2, pyramid=pyramid), BatchSizes(9, 90, "train")
    return TrainConfig((Stage(method, batch=batch, optim=optim, epochs=120, steps_per_epoch=500),), model, data)


def best(facts: DataFacts, size: Size = "light") -> TrainConfig:
    """Return our recipe: several modalities, augmentation, an EMA teacher, Muon and a cosine schedule.

    Labelled clips are augmented weakly, unlabelled ones strongly. The size `light` uses a graph encoder. Small data
    sets have small batches, so that there are enough steps. With ten or more labels per class small data sets are
    trained three times as long, with a noisy-label filter, because longer training memorises single labels. Modalities
    that the recordings do not allow (no hands, two dimensions, one person) are left out. Recordings from above are
    rotated by any angle, others only a little about the forward axis. They are taken to be of animals, whose behaviours
    differ in frequency, so their pseudo-labels are not aligned to equal class frequencies.
    """
    is_long = not (facts.is_large or facts.has_few_labels)
    roll = 180 if facts.is_seen_from_above else 10
    strong = AugmentConfig(turn=45, tilt=15, roll=roll, shear=0.2, scale=0.1, mirror=0.5, joint_mask=0.15, noise=0.02)
    weak = replace(strong, shear=0.1, joint_mask=0.0, noise=0.0)
    crops = ((0.0, 1.0), (0.0, 0.85), (0.15, 1.0), (0.08, 0.92))
    data = DataConfig(ResampleConfig(frames=20, shortest=0.6, overhang=0.2, test_crops=crops), weak, strong)
    model, pyramid = paper_model(size)
    encoder = EncoderConfig(GRAPH, joints="graph") if size == "light" else model.encoder
    streams = (*STREAMS, "inter-person distance")
    modalities = usable(streams, facts.layout, facts.up, facts.channels, facts.persons)
    method = MeanTeacherConfig(
        modalities, distribution_alignment=not facts.is_seen_from_above, noisy_labels=0.5 if is_long else 0.0,
        pyramid=pyramid,
    )  # fmt: skip
    optim = OptimConfig("muon", 4e-3, weight_decay=0.05, momentum=0.95, warmup=2, schedule="cosine", clip_norm=5.0)
    batch = BatchSizes(48, 64, "train") if facts.is_large else BatchSizes(12, 16, "train")
    stage = Stage(method, batch=batch, optim=optim, epochs=60 if is_long else 20, ema=0.99)
    model = replace(model, encoder=encoder, dropout=0.1, networks="own")
    return TrainConfig((stage,), model, data, RuntimeConfig("bf16"))


PRESETS: dict[PresetName, Callable[[DataFacts, Size], TrainConfig]] = {
    "paper": paper,
    "published": published,
    "best": best,
}

USUAL_SIZE: dict[PresetName, Size] = {"paper": "full", "published": "full", "best": "light"}
"""The default size of the network of each preset."""


def with_method(config: TrainConfig, name: str | None) -> TrainConfig:
    """Return the settings of a preset for another method.

    Options that both methods have keep the preset's values, modalities only where both have the same by default. A
    method that trains no predictor becomes a first stage, followed by a stage of the supervised baseline. A method that
    is an encoder design brings its encoder.
    """
    if name is None or name == method_name(config.last.method):
        return config
    method, own = _carried_over(config.last.method, name), METHODS[name].own_encoder
    if own is not None:
        config = replace(config, model=replace(config.model, encoder=own))
    if METHODS[name].trains_predictor:
        return replace(config, stages=(replace(config.last, method=method),))
    baseline = replace(config.last, method=_carried_over(config.last.method, "supervised"), name="finetune")
    first = replace(config.last, method=method, name="pretrain")
    return replace(config, stages=(first, replace(baseline, initialise="backbone")))


def restricted(config: TrainConfig, facts: DataFacts) -> TrainConfig:
    """Return the configuration without the modalities that the recordings do not allow."""
    stages = []
    for stage in config.stages:
        names: tuple[str, ...] = getattr(stage.method, "modalities", ())
        left = usable(names, facts.layout, facts.up, facts.channels, facts.persons)
        stages.append(stage if left == names else replace(stage, method=_with_modalities(stage.method, left)))
    return replace(config, stages=tuple(stages))


def _with_modalities(config: MethodConfig, names: tuple[str, ...]) -> MethodConfig:
    return replace(config, **{"modalities": names})


def _carried_over(config: MethodConfig, name: str) -> MethodConfig:
    """Return the options of another method: the given values where both have the option, else its defaults.

    Modalities are carried over only where both methods have the same ones by default.
    """
    other = method_config(name)
    alike = type(config)().modalities == other.modalities
    shared = (set(vars(config)) & set(vars(other))) - ({"contrasted"} if alike else {"modalities", "contrasted"})
    return replace(other, **{key: getattr(config, key) for key in shared})
