"""The presets: `paper` (what the text says), `published` (what the authors' program does), `best` (ours)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from psp.batches.augment import AugmentConfig
from psp.batches.loader import BatchConfig
from psp.dataset.labels import has_few_labels
from psp.batches.resample import SampleConfig
from psp.methods.methods import METHODS, MethodName, ObjectiveConfig
from psp.model.encoder import GRAPH, EncoderConfig
from psp.model.presets import Size, paper_model, published_model
from psp.train.config import TrainConfig
from psp.train.optim import OptimConfig

PresetName = Literal["paper", "published", "best"]


def paper(protocol: str, budget: str, size: Size) -> TrainConfig:
    """Section 4.2 of the paper: NTU RGB+D, and where it differs NW-UCLA.

    The batch of 64 (128) is split evenly into labelled and unlabelled clips, which the paper leaves open.
    """
    small = protocol.startswith("nw-ucla")
    optim = OptimConfig(learning_rate=0.05, weight_decay=5e-4, warmup=5, milestones=(60, 90))
    model = paper_model(size)
    if small:
        optim = OptimConfig(learning_rate=0.06, weight_decay=1e-4, warmup=20, milestones=(76, 130))
        model = replace(model, part_to_joint=0.1, body_to_joint=0.2)
    half = 64 if small else 32
    data = BatchConfig(sample=SampleConfig(train="random"))
    return TrainConfig(
        protocol, budget, data=data, model=model, optim=optim, epochs=300 if small else 120,
        labelled_batch=half, unlabelled_batch=half,
    )  # fmt: skip


def published(protocol: str, budget: str, size: Size) -> TrainConfig:
    """The authors' program: another rate, batches and frames; labelled clips are unlabelled ones too."""
    data = BatchConfig(sample=SampleConfig(train="random"), views="apart", motion="recorded")
    optim = OptimConfig(learning_rate=0.01, weight_decay=4e-4, warmup=5, milestones=(60, 90))
    return TrainConfig(
        protocol, budget, data=data, model=published_model(size), optim=optim, epochs=120, steps=500,
        objective=ObjectiveConfig(contrast=0.2), labelled_batch=9, unlabelled_batch=90, labelled_as_unlabelled=True,
    )  # fmt: skip


def best(protocol: str, budget: str, size: Size) -> TrainConfig:
    """Our recipe: five streams, label-preserving changes, a teacher, Muon with a cosine, averaged weights.

    Labelled clips are changed less than those whose student has to find out what the teacher sees. At size `light`
    joints learn along the graph of the skeleton. Small batches give small data sets steps enough. From ten labels per
    class, or 10 % of the clips, on such data sets are trained three times as long, long enough to know every label by
    heart; so those that the networks do not come to believe by themselves are left out.
    """
    is_large = protocol.startswith("ntu")
    is_long = not (is_large or has_few_labels(budget))
    labelled, unlabelled = (48, 64) if is_large else (12, 16)
    change = AugmentConfig(turn=45, tilt=15, roll=10, shear=0.2, scale=0.1, mirror=0.5, joint_mask=0.15, noise=0.02)
    crops = ((0.0, 1.0), (0.0, 0.85), (0.15, 1.0), (0.08, 0.92))
    gentle = replace(change, shear=0.1, joint_mask=0.0, noise=0.0)
    sample = SampleConfig(frames=20, shortest=0.6, overhang=0.2, test_crops=crops)
    data = BatchConfig(sample, change, augment_labelled=gentle)
    optim = OptimConfig("muon", 4e-3, weight_decay=0.05, momentum=0.95, warmup=2, schedule="cosine", clip_norm=5.0)
    model = replace(paper_model(size), dropout=0.1, networks="own")
    if size == "light":
        model = replace(model, encoder=EncoderConfig(GRAPH, joints="graph"))
    return TrainConfig(
        protocol, budget, method="taught", data=data, model=model, optim=optim,
        objective=ObjectiveConfig(temperature=0.1, contrast=0.03, label_smoothing=0.1, pseudo_label=1.0),
        labelled_batch=labelled, unlabelled_batch=unlabelled, labelled_as_unlabelled=True, epochs=60 if is_long else 20,
        average=0.99, spread=0.5, doubt=0.5 if is_long else 0.0, precision="bf16",
    )  # fmt: skip


PRESETS: dict[PresetName, Callable[[str, str, Size], TrainConfig]] = {
    "paper": paper,
    "published": published,
    "best": best,
}


def with_method(config: TrainConfig, method: MethodName | None) -> TrainConfig:
    """A preset's settings for another method, if one is named, which learns from guesses only if it is taught.

    Rows of tables keep what their method does not look at, so their hashes are others.
    """
    if method is None or method == config.method:
        return config
    weight = 1.0 if METHODS[method].is_taught else 0.0
    return replace(config, method=method, objective=replace(config.objective, pseudo_label=weight))


USUAL_SIZE: dict[PresetName, Size] = {"paper": "full", "published": "full", "best": "light"}
"""The size of network that a preset is meant for."""
