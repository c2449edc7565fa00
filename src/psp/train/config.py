"""The configuration of a run as one frozen value; split and label budget are inputs beside it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from psp.batches.batch import BatchSizes, DataConfig
from psp.batches.modalities import require_known
from psp.config.override import as_plain, differences, override, refuse_unknown
from psp.config.ranges import require, require_choice
from psp.config.upgrade import CONFIG_VERSION, upgrade
from psp.errors import ConfigError
from psp.methods import FOREIGN, METHODS
from psp.methods.base import MethodConfig
from psp.methods.psp import PSPConfig
from psp.model.backbone import ModelConfig
from psp.model.memory import MemoryConfig
from psp.train.optim import OptimConfig

MOST = 1_000_000
"""The largest number of epochs, of steps of an epoch, and of steps between two lines of the log."""

Precision = Literal["float64", "float32", "tf32", "bf16"]


@dataclass(frozen=True)
class RuntimeConfig:
    """How a run is computed.

    Args:
        precision: precision of products; a device without bf16 or tf32 uses float32; float64 is for verification
        memory: options to train in less memory
        log_every: steps between two lines of the log; a loss that is not finite is detected at these steps
    """

    precision: Precision = "float32"
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    log_every: int = 10

    def __post_init__(self) -> None:
        require(1 <= self.log_every <= MOST, "runtime.log_every", self.log_every, f"1 to {MOST}")


@dataclass(frozen=True)
class Stage:
    """One part of a run: a method, its optimiser and its length.

    Args:
        method: options of the method, an instance of `METHODS[name].Config`
        name: name of the stage in the log and on the command line
        batch: number of clips per step; an epoch is one pass over the unlabelled pool
        optim: options of the optimiser
        epochs: length of the stage
        steps_per_epoch: steps per epoch; 0 for one pass over the unlabelled pool
        ema: decay of the exponential moving average of the weights
        initialise: scratch, backbone (that of the stage before), made:NAME (pre-trained encoders) or a
            model.safetensors whose backbone is used, and its classifiers if the classes are the same
    """

    method: MethodConfig = field(default_factory=PSPConfig)
    name: str = "train"
    batch: BatchSizes = field(default_factory=BatchSizes)
    optim: OptimConfig = field(default_factory=OptimConfig)
    epochs: int = 120
    steps_per_epoch: int = 0
    ema: float = 0.999
    initialise: str = "scratch"

    def __post_init__(self) -> None:
        require(1 <= self.epochs <= MOST, "epochs", self.epochs, f"1 to {MOST}")
        require(0 <= self.steps_per_epoch <= MOST, "steps_per_epoch", self.steps_per_epoch, f"0 to {MOST}")
        require(0 <= self.ema < 1, "ema", self.ema, "0 or more, below 1")
        require_known(self.method.modalities)


@dataclass(frozen=True)
class TrainConfig:
    """The configuration of a run: stages, network, batches, computation, and the seed of all random numbers.

    The stages are trained one after the other on the same data; the last one must train a predictor.
    """

    stages: tuple[Stage, ...] = (Stage(),)
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    seed: int = 0

    def __post_init__(self) -> None:
        require(0 <= self.seed < 2**63, "seed", self.seed, "a whole number from 0 to 2^63 - 1")
        names = [stage.name for stage in self.stages]
        if not names or len(set(names)) < len(names):
            raise ConfigError("every stage needs a name of its own.", where="stages", remedy="Name each stage once.")
        if self.stages[0].initialise == "backbone":
            what = "the first stage has no stage before it."
            raise ConfigError(what, where="stages", remedy="Set its initialise to scratch or to a weight file.")

    @property
    def last(self) -> Stage:
        """The last stage, which trains the predictor."""
        return self.stages[-1]

    @cached_property
    def hash(self) -> str:
        """A hash of 16 hexadecimal digits; runs with the same hash have the same configuration.

        It covers only the differences from the defaults, so that a new setting, whose default changes nothing, does not
        change the hashes of earlier runs.
        """
        return hashlib.sha256(json.dumps(config_differences(self), sort_keys=True).encode()).hexdigest()[:16]


def method_name(config: MethodConfig) -> str:
    """Return the name of the method that a configuration belongs to."""
    return next(name for name, method in METHODS.items() if method.Config is type(config))


def method_config(name: str, **options: Any) -> MethodConfig:
    """Return the options of a method by its name; an unknown name or option raises ConfigError."""
    require_choice(name, "method", METHODS)
    return override(METHODS[name].Config(), options, "method.")


def changed(config: TrainConfig, changes: Mapping[str, Any]) -> TrainConfig:
    """Return a copy with nested changes; unknown names and impossible values raise ConfigError.

    `model`, `data`, `runtime` and `seed` change the run; `method`, `optim`, `batch`, `epochs`, `steps_per_epoch`,
    `ema` and `initialise` change its last stage; the name of a stage is followed by the same settings of that stage.
    """
    own = {key: value for key, value in changes.items() if key in ("model", "data", "runtime", "seed")}
    config = override(config, own)
    stages = {stage.name: stage for stage in config.stages}
    shared = {key: value for key, value in changes.items() if key not in own and key not in stages}
    stages[config.last.name] = _changed_stage(config.last, shared, "", ["model", "data", "runtime", "seed", *stages])
    for name in stages:
        if name in changes:
            stages[name] = _changed_stage(stages[name], _section(name, changes[name]), f"{name}.", [])
    return replace(config, stages=tuple(stages.values()))


def config_as_plain(config: TrainConfig) -> dict[str, Any]:
    """Return a configuration as JSON values, with the names of its methods."""
    plain = as_plain(config)
    for stage, values in zip(config.stages, plain["stages"], strict=True):
        values["method"] = {"name": method_name(stage.method), **as_plain(stage.method)}
    return plain


def config_differences(config: TrainConfig) -> dict[str, Any]:
    """Return the settings that differ from the defaults as JSON values, which `config_from_plain` reads."""
    checked = config_from_plain(config_as_plain(config))  # 1 and 1.0 are the same setting
    chosen = differences(checked, TrainConfig(stages=checked.stages))
    return {**chosen, "stages": [_stage_differences(stage) for stage in checked.stages]}


def config_from_plain(plain: Mapping[str, Any], version: int = CONFIG_VERSION) -> TrainConfig:
    """Return the configuration of the values of `config_as_plain`, also of earlier versions; ConfigError if wrong.

    Settings that are left out have their defaults.
    """
    plain = upgrade(plain, version)
    stages = []
    for values in plain["stages"]:
        method = dict(values["method"])
        stage = Stage(method_config(method.pop("name"), **method))
        rest = {key: value for key, value in values.items() if key != "method"}
        stages.append(override(stage, rest, "stages."))
    rest = {key: value for key, value in plain.items() if key != "stages"}
    return override(TrainConfig(stages=tuple(stages)), rest)


def rescheduled(stage: Stage, epochs: int) -> Stage:
    """Return a stage of another number of epochs, with warm-up and milestones scaled in proportion."""
    require(1 <= epochs <= MOST, "epochs", epochs, f"1 to {MOST}")
    share, optim = epochs / stage.epochs, stage.optim
    if optim.schedule == "steps":
        optim = replace(optim, milestones=tuple(max(1, round(share * milestone)) for milestone in optim.milestones))
    return replace(stage, epochs=epochs, optim=replace(optim, warmup=share * optim.warmup))


def _section(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{value!r} is not a section.", where=name, remedy=f"Change its settings: {name}.NAME.")
    return value


def _changed_stage(stage: Stage, changes: Mapping[str, Any], inside: str, others: list[str]) -> Stage:
    known = ["method", "batch", "optim", "epochs", "steps_per_epoch", "ema", "initialise"]
    for key in changes:
        if key not in known:
            refuse_unknown(f"{inside}{key}", key, [*known, *others])
    rest = dict(changes)
    method = rest.pop("method", {})
    if isinstance(method, str):
        stage = replace(stage, method=method_config(method))
    else:
        section = _section(f"{inside}method", method)
        stage = replace(stage, method=override(stage.method, section, f"{inside}method."))
    return override(stage, rest, inside)


def _stage_differences(stage: Stage) -> dict[str, Any]:
    """Return the differences of a stage; all options of a method of another package, whose defaults may change."""
    name, method = method_name(stage.method), stage.method
    options = as_plain(method) if name in FOREIGN else differences(method, type(method)())
    return {**differences(stage, Stage(method)), "method": {"name": name, **options}}
