"""Sample passes: the cost of a training step by count, the same for every network and machine."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import lru_cache

import torch
from torch import Tensor, nn

from psp.batches.batch import Batch, BatchSizes, BatchSpec, LabelledBatch, Sample
from psp.methods import METHODS
from psp.methods.base import Method, MethodConfig, Passes, Setting, StepContext
from psp.model.backbone import Backbone, ModelConfig
from psp.model.encoder import EncoderConfig
from psp.skeleton.catalogue import layout_by_name
from psp.train.config import Stage, method_name

FRAMES, CLASSES, LAYOUT = 8, 4, "kinect20"
BLOCK = (4, 8, 3, 2)

FORWARD = 1 / 3
"""The cost of a pass without gradients, in units of one with forward and backward computation."""


def passes_of_stage(stage: Stage) -> float:
    """Return the sample passes of one step of a stage: clips that go through an encoder, in all their modalities.

    A clip counts 1 if gradients flow back through the encoder, else 1/3; a clip in two samples counts twice. One step
    is taken with a small network, at half of the training. What a method computes once an epoch is not counted.
    """
    return _counted(stage.method, stage.batch)


@lru_cache
def _counted(config: MethodConfig, batch: BatchSizes) -> float:
    kind = METHODS[method_name(config)]
    encoder = EncoderConfig((BLOCK,), heads=2)
    if kind.own_encoder is not None:
        encoder = EncoderConfig((BLOCK,), heads=2, joints=kind.own_encoder.joints, cell=kind.own_encoder.cell)
    clips = max(batch.labelled, batch.unlabelled)
    setting = Setting(layout_by_name(LAYOUT), CLASSES, clips, FRAMES, ModelConfig(encoder), batch=batch)
    with torch.random.fork_rng(()):
        torch.manual_seed(0)
        method = kind(config, setting)
    return count_passes(method, random_batches(method.batches(), setting))


def count_passes(method: Method, batches: Mapping[str, Batch]) -> float:
    """Return the sample passes of all phases of one step of a method; the clips need one person each."""
    context = half_way(method)
    with _counting([part for part in (method, context.ema) if part is not None]) as count:
        for phase in method.phases:
            method.training_step(batches, context, phase)
    return sum(count) / len(method.config.modalities)


def half_way(method: Method) -> StepContext:
    """Return the state of training at half of the steps; the averaged predictor is a copy of the present one."""
    predictor = method.predictor()
    teacher = None if predictor is None else copy.deepcopy(predictor).eval().requires_grad_(False)
    return StepContext(5, 10, 2, teacher, Passes(), torch.full((method.setting.clips,), -1))


@contextmanager
def _counting(parts: list[nn.Module]) -> Iterator[list[float]]:
    """Yield a list to which every call of an encoder in the `with` block appends its cost."""
    count: list[float] = []

    def note(encoder: nn.Module, inputs: tuple[Tensor, ...], found: Tensor) -> None:
        count.append(len(inputs[0]) * (1.0 if found.requires_grad else FORWARD))

    with ExitStack() as stack:
        for part in parts:
            for backbone in (each for each in part.modules() if isinstance(each, Backbone)):
                for encoder in backbone.encoders:
                    stack.enter_context(encoder.register_forward_hook(note))
        yield count


def random_batches(specs: Mapping[str, BatchSpec], setting: Setting) -> dict[str, Batch]:
    """Return batches of random clips of one person."""
    made, draw = dict[str, Batch](), torch.Generator().manual_seed(0)
    size = (1, setting.frames, len(setting.layout.joints), 3)
    for name, spec in specs.items():
        index = torch.arange(spec.size)
        samples = tuple(
            Sample(
                {modality: torch.randn(spec.size, *size, generator=draw) for modality in spec.modalities},
                torch.ones(spec.size, 1, dtype=torch.bool),
            )
            for _ in spec.augmentations
        )
        batch = Batch(index, index * 1001, samples)
        is_labelled = spec.pool == "labelled"
        made[name] = LabelledBatch(index, batch.keys, samples, index % CLASSES) if is_labelled else batch
    return made
