"""All comparison systems in one harness: the rows of tables 2 and 3 in two protocols, and the grid that tunes them.

*Common*: the same encoder (DSTA-Net, size `tiny`), joint and motion, weak and strong augmentation, optimiser, number of
sample passes, labels and seeds; only the objective differs. Systems that are an encoder design keep their encoder.

*Best of each*: three modalities (joint, velocity, bone) with a network each, and augmentation, optimiser and length of
preset `best`, for every system. A system that pre-trains is fine-tuned with a loss per modality.

*Grid*: one option of every system has three values, each trained in the common protocol on one training view of
Northwestern-UCLA and tested on the other. The most accurate value is used in both protocols.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from psp.batches.batch import BatchSizes
from psp.config.override import override
from psp.errors import ConfigError
from psp.methods import FOREIGN, METHODS
from psp.methods.base import MethodConfig
from psp.model.backbone import ModelConfig
from psp.model.encoder import EncoderConfig, encoder_of_size
from psp.reproduce.clusters import cluster_labels
from psp.reproduce.experiment import Column, Experiment, Row, Scope
from psp.reproduce.passes import passes_of_stage
from psp.reproduce.systems import Figures, psp_best
from psp.train.config import RuntimeConfig, Stage, TrainConfig, method_config
from psp.train.optim import OptimConfig
from psp.train.presets import DataFacts

PASSES, EPOCHS = 32_000, 20
"""Sample passes of a run in the common protocol, and the epochs into which each stage divides its share."""

PRETRAINING = 2 / 3
"""The share of the passes that pre-training has in a run of two stages."""

Protocol = Literal["common", "best"]

TWO, THREE = ("joint", "motion"), ("joint", "velocity", "bone")


@dataclass(frozen=True)
class System:
    """A comparison system: its method, the option that the grid tunes with its values, and its name in the paper.

    The first value is that of its publication, scaled to small data where its docstring says so; `value` is the one
    that the grid chose. Without `option` the method has its default options. With `own_labels` the system is trained on
    labels that K-means chooses; `encoder_of` names the method whose encoder it has, if not its own.
    """

    name: str
    title: str
    method: str
    option: str = ""
    values: tuple[float, ...] = ()
    value: float = 0.0
    paper: str = ""
    own_labels: bool = False
    encoder_of: str = ""

    @property
    def encoder(self) -> EncoderConfig | None:
        """The encoder that the system brings, None for the common one."""
        return METHODS[self.encoder_of or self.method].own_encoder


SYSTEMS = (
    System("supervised", "supervised only", "supervised", "label_smoothing", (0.0, 0.1, 0.2), 0.2),
    System("psp", "PSP Learning", "psp", "contrast", (1.0, 0.3, 0.1), 0.1, "PSP Learning"),
    System("psp-mean-teacher", "PSP Learning with an EMA teacher",
           "psp-mean-teacher", "consistency", (1.0, 0.3, 3.0), 1.0, "PSP Learning"),
    System("s4l", "S4L, inpainting", "s4l", "inpainting", (1.0, 0.3, 3.0), 0.3, "S4L"),
    System("pseudo-labels", "Pseudo-labels", "pseudo-labels", "threshold", (0.95, 0.8, 0.6), 0.8, "Pseudolabels"),
    System("vat", "VAT", "vat", "radius", (0.05, 0.2, 0.8), 0.8, "VAT"),
    System("vat-entmin", "VAT + EntMin", "vat-entmin", "entropy", (0.06, 0.2, 0.6), 0.6, "VAT+EntMin"),
    System("assl", "ASSL", "assl", "inpainting", (1.0, 0.3, 3.0), 1.0, "ASSL"),
    System("al-k", "AL+K, labels of its own choice", "al-k", "balance", (0.9, 0.5, 0.99), 0.9,
           "AL+K", own_labels=True),
    System("al-k-random", "AL+K, random labels", "al-k", "balance", (0.9, 0.5, 0.99), 0.99),
    System("x-car", "X-CAR", "x-car", "contrast", (1.0, 0.3, 0.1), 1.0, "X-CAR"),
    System("as-cal", "AS-CAL", "as-cal", "temperature", (0.06, 0.1, 0.2), 0.06, "AS-CAL"),
    System("longt-gan", "LongT GAN", "longt-gan", "adversarial", (0.1, 0.03, 0.3), 0.03, "LongT GAN"),
    System("holden", "Holden et al.", "holden", "hidden", (0.2, 0.1, 0.5), 0.1, "Holden et al."),
    System("engan-pose-rnn", "EnGAN-PoseRNN", "engan-pose-rnn", "adversarial", (0.1, 0.03, 0.3), 0.03,
           "EnGAN-PoseRNN"),
    System("ms2l", "MS2L", "ms2l", "temperature", (0.9, 0.5, 0.1), 0.1, "MS2L"),
    System("isc", "Skeleton-Contrastive", "isc", "temperature", (0.07, 0.1, 0.2), 0.07, "Skeleton-Contrastive"),
    System("gl-transformer", "GL-Transformer", "gl-transformer", "joints", (0.5, 0.2, 0.8), 0.2, "GL-Transformer"),
    System("cpm", "CPM", "cpm", "temperature", (0.1, 0.07, 0.2), 0.1, "CPM"),
    System("colorization", "Colorization", "colorization", "colour", (1.0, 0.3, 3.0), 3.0, "3s-Colorization"),
    System("crosclr", "CrosSCLR", "crosclr", "temperature", (0.07, 0.1, 0.2), 0.1, "3s-CrosSCLR"),
    System("cmd", "CMD", "cmd", "distillation", (1.0, 0.3, 3.0), 3.0, "CMD"),
    System("mean-teacher", "Mean Teacher", "mean-teacher", "consistency", (100.0, 30.0, 10.0), 10.0),
    System("fixmatch", "FixMatch", "fixmatch", "threshold", (0.95, 0.8, 0.6), 0.8),
    System("freematch", "FreeMatch", "freematch", "fairness", (0.01, 0.001, 0.1), 0.001),
    System("softmatch", "SoftMatch", "softmatch", "consistency", (1.0, 0.3, 3.0), 0.3),
    System("moco", "MoCo", "moco", "temperature", (0.07, 0.1, 0.2), 0.1),
    System("simclr", "SimCLR", "simclr", "temperature", (0.1, 0.2, 0.5), 0.2),
    System("byol", "BYOL", "byol", "momentum", (0.99, 0.96, 0.996), 0.96),
    System("vicreg", "VICReg", "vicreg", "covariance", (1.0, 0.3, 3.0), 3.0),
    System("mamp", "MAMP, masked motion", "mamp", "share", (0.9, 0.75, 0.6), 0.75),
    System("skeleton-mae", "SkeletonMAE", "skeleton-mae", "share", (0.5, 0.3, 0.7), 0.3),
    System("usdrl", "USDRL, feature decorrelation", "usdrl", "covariance", (1.0, 0.3, 3.0), 1.0),
)  # fmt: skip

PER_MODALITY = System(
    "multi-stream-supervised", "supervised only, a loss per modality",
    "multi-stream-supervised", "label_smoothing", value=0.1,
)  # fmt: skip
"""The supervised baseline of systems with a loss per modality: in *best* those that pre-train are fine-tuned by it."""

ENCODERS = (
    ("longt-gan", "LongT GAN"), ("holden", "Holden et al."), ("engan-pose-rnn", "EnGAN-PoseRNN"),
    ("colorization", "Colorization"),
)  # fmt: skip
"""The methods that bring an encoder, and their titles."""


def with_encoders(system: System) -> tuple[System, ...]:
    """Return a supervised baseline with the encoder of each method that brings one."""
    return tuple(
        replace(system, name=f"{system.name}-{name}", title=f"{system.title}, encoder of {title}", encoder_of=name)
        for name, title in ENCODERS
    )


BASELINES: Mapping[Protocol, tuple[System, ...]] = {
    "common": (PER_MODALITY, *with_encoders(SYSTEMS[0])),
    "best": (PER_MODALITY, *with_encoders(SYSTEMS[0]), *with_encoders(PER_MODALITY)),
}
"""Further supervised baselines of each protocol; the grid leaves them out."""


def compared(protocol: Protocol) -> tuple[System, ...]:
    """Return the systems, the methods of other packages with their default options, and the baselines."""
    return (*SYSTEMS, *(System(name, name, name) for name in FOREIGN), *BASELINES[protocol])


def common(column: Column, facts: DataFacts, scope: Scope, system: System, passes: int = PASSES) -> TrainConfig:
    """Return a system in the common protocol: every run costs the same number of sample passes."""
    data = psp_best(column, facts, scope).data
    model = ModelConfig(system.encoder or encoder_of_size(scope.size_of_dsta))
    optim = OptimConfig("adamw", 2e-3, weight_decay=0.05, warmup=2, schedule="cosine", clip_norm=5.0)
    stage = Stage(
        _options(system, TWO, facts), batch=BatchSizes(16, 16, "train"), optim=optim, epochs=EPOCHS, ema=0.99,
    )  # fmt: skip
    stages = _with_fine_tuning(stage, method_config("supervised", modalities=TWO))
    shares = (1.0,) if len(stages) == 1 else (PRETRAINING, 1 - PRETRAINING)
    timed = tuple(
        replace(each, steps_per_epoch=max(1, round(share * passes / EPOCHS / passes_of_stage(each))))
        for each, share in zip(stages, shares, strict=True)
    )
    return TrainConfig(timed, model, data, RuntimeConfig())


def best_of_each(column: Column, facts: DataFacts, scope: Scope, system: System) -> TrainConfig:
    """Return a system with three modalities, each with a network, in the settings of preset `best`.

    PSP Learning contrasts two modalities, joint and velocity.
    """
    config = psp_best(column, facts, scope)
    modalities = THREE[:2] if system.method == "psp" else THREE
    stage = replace(config.last, method=_options(system, modalities, facts))
    baseline = _options(PER_MODALITY, THREE, facts)
    encoder = system.encoder or config.model.encoder
    return replace(config, stages=_with_fine_tuning(stage, baseline), model=replace(config.model, encoder=encoder))


PROTOCOLS: Mapping[Protocol, Callable[..., TrainConfig]] = {"common": common, "best": best_of_each}
"""The functions that return the configuration of a system in each protocol."""


def comparison_rows(figures: Mapping[str, Figures]) -> tuple[Row, ...]:
    """Return a row for every system and baseline in both protocols, with what the paper reports for it."""
    return tuple(
        Row(
            f"{protocol}-{system.name}",
            f"{system.title}, {protocol}",
            partial(make, system=system),
            figures.get(system.paper, {}),
            labels=cluster_labels if system.own_labels else None,
        )
        for protocol, make in PROTOCOLS.items()
        for system in compared(protocol)
    )


def grid_rows() -> tuple[Row, ...]:
    """Return a row for every value of every system, in the common protocol.

    A run has half of the sample passes, because one training view has half of the clips.
    """
    return tuple(
        Row(
            f"{system.name}-{value:g}",
            f"{system.title}: {system.option} {value:g}",
            partial(common, system=replace(system, value=value), passes=PASSES // 2),
            labels=cluster_labels if system.own_labels else None,
        )
        for system in SYSTEMS
        for value in system.values
    )


def with_all_systems(experiment: Experiment) -> Experiment:
    """Return table 2 or 3 with all comparison systems, in both protocols, as its rows; ConfigError for others."""
    if experiment.name not in ("table2", "table3"):
        what = f"{experiment.name} does not compare systems."
        raise ConfigError(what, where="systems", remedy="Use table2 or table3, or leave --systems out.")
    return replace(
        experiment,
        name=f"{experiment.name}-systems",
        title=f"{experiment.title}: all systems in one harness",
        rows=comparison_rows(experiment.others),
        columns=tuple(column for column in experiment.columns if column.budget.endswith("%")),
        references=("common-supervised", "best-supervised", f"best-{PER_MODALITY.name}", "common-psp", "best-psp"),
        ablates=False,
        drawing="costs",
    )


def _options(system: System, modalities: Sequence[str], facts: DataFacts) -> MethodConfig:
    changes: dict[str, Any] = {"modalities": list(modalities)}
    if system.option:
        changes[system.option] = system.value
    if system.method == "psp-mean-teacher":
        changes["contrasted"] = list(modalities[:2])
        changes["distribution_alignment"] = not facts.is_seen_from_above
    return override(METHODS[system.method].Config(), changes, "method.")


def _with_fine_tuning(stage: Stage, baseline: MethodConfig) -> tuple[Stage, ...]:
    """Return the stage or, if it only pre-trains, the stage and one of the supervised baseline."""
    kind = next(each for each in METHODS.values() if each.Config is type(stage.method))
    if kind.trains_predictor:
        return (stage,)
    second = replace(stage, name="finetune", method=baseline, initialise="backbone")
    return replace(stage, name="pretrain"), second
