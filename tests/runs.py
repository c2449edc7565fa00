"""Small trainings for tests: a few seconds, twelve labelled and unlabelled clips a step."""

from dataclasses import replace
from typing import Any

from psp.batches.batch import BatchSizes, DataConfig
from psp.batches.resample import ResampleConfig
from psp.methods import METHODS
from psp.methods.base import Method, Setting
from psp.methods.psp import PSPConfig
from psp.model.backbone import ModelConfig
from psp.model.encoder import EncoderConfig
from psp.skeleton.catalogue import layout_by_name
from psp.train.config import RuntimeConfig, Stage, TrainConfig, method_config
from psp.train.optim import OptimConfig

SMALL_RUN = TrainConfig(
    (
        Stage(
            PSPConfig(),
            batch=BatchSizes(4, 8),
            optim=OptimConfig("adamw", 1e-2, warmup=1, schedule="cosine"),
            epochs=3,
            ema=0.9,
        ),
    ),
    ModelConfig(EncoderConfig(((4, 4, 2, 2), (4, 8, 2, 1)), heads=2)),
    DataConfig(ResampleConfig(frames=8)),
    RuntimeConfig(log_every=1),
)


def with_stage(config: TrainConfig, **changes: Any) -> TrainConfig:
    """The same run with changes of its last stage."""
    return replace(config, stages=(*config.stages[:-1], replace(config.last, **changes)))


def small_run(method: str, **options: Any) -> TrainConfig:
    """A small run of a method; one that trains no predictor is followed by the supervised baseline."""
    config, own = with_stage(SMALL_RUN, method=method_config(method, **options)), METHODS[method].own_encoder
    if own is not None:
        config = replace(config, model=ModelConfig(replace(own, blocks=((4, 4, 3, 2), (4, 8, 3, 1)))))
    if METHODS[method].trains_predictor:
        return config
    second = replace(SMALL_RUN.last, method=method_config("supervised"), name="finetune", initialise="backbone")
    return replace(config, stages=(replace(config.last, name="pretrain"), second))


def small_method(name: str, **options: Any) -> Method[Any]:
    """A method as `small_run` builds it, for six clips of four classes."""
    config = small_run(name, **options)
    setting = Setting(layout_by_name("kinect20"), 4, 6, config.data.resample.frames, config.model)
    return METHODS[name](config.stages[0].method, setting)
