"""What every method must hold; all methods in METHODS are enrolled, also those of other packages.

Costly checks, of interrupted runs and of two ranks, are made for one method of each family. A family is the set of
properties that such checks could break: a memory bank, a momentum encoder, a decoder, own buffers, several phases,
pre-training.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from psp.batches.augment import AugmentConfig
from psp.batches.batch import BatchSizes
from psp.dataset.clip_table import ClipTable
from psp.dataset.store import Store
from psp.errors import ConfigError
from psp.loss.memory_bank import MemoryBank
from psp.methods import METHODS
from psp.methods.base import Setting
from psp.model.decoder import JointDecoder, RecurrentDecoder
from psp.model.memory import MemoryConfig, encode_in_memory
from psp.model.model_file import load_model
from psp.skeleton.catalogue import layout_by_name
from psp.train.api import make_task, resume_run, start_run
from psp.train.config import TrainConfig, changed, method_config
from psp.train.run import Run
from psp.train.run_folder import Task
from psp.train.trainer import Progress, Trainer
from ranks import on_two_ranks
from runs import small_run, with_stage
from stores import small_store

NEAR = 1e-6
"""Between one process and two: AdamW divides gradients that are rounding alone by their size plus 1e-8."""

EARLY = {"threshold": 0.3, "start": 0.5, "noisy_labels": 1.0}
"""Options, of the methods that have them, with which every part of a method works within two epochs."""


def config_of(method: str) -> TrainConfig:
    options = {field.name for field in fields(METHODS[method].Config)}
    config = small_run(method, **{name: value for name, value in EARLY.items() if name in options})
    return replace(config, stages=tuple(replace(stage, epochs=2) for stage in config.stages))


def family(method: str) -> frozenset[str]:
    """The properties of a method that interrupted runs and several ranks could break."""
    stage, setting = config_of(method).stages[0], Setting(layout_by_name("kinect20"), 4, 6, 8, config_of(method).model)
    built = METHODS[method](stage.method, setting)
    parts = list(built.modules())
    holds = {
        "memory bank": any(isinstance(part, MemoryBank) for part in parts),
        "momentum encoder": any(not weight.requires_grad for weight in built.parameters()),
        "decoder": any(isinstance(part, JointDecoder | RecurrentDecoder) for part in parts),
        "own buffers": any(True for _ in built.buffers(recurse=False)),
        "phases": len(built.phases) > 1,
        "pre-training": not built.trains_predictor,
    }
    return frozenset(name for name, value in holds.items() if value)


FAMILIES = {family(method): method for method in reversed(METHODS)}
REPRESENTATIVES = [method for method in METHODS if method in FAMILIES.values()]

every_method = pytest.mark.parametrize("method", METHODS)
every_family = pytest.mark.parametrize("method", REPRESENTATIVES)


class KilledError(BaseException):
    """Raised in place of a SIGKILL: nothing after it is executed."""


class DiesAfter:
    """Called after every step; raises KilledError after some."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self, progress: Progress) -> None:
        self.left -= 1
        if not self.left:
            raise KilledError


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return small_store(tmp_path_factory.mktemp("conformance") / "store")


@pytest.fixture(scope="module")
def task(store) -> Task:
    return make_task(store, "2/class", "synthetic-xsub")


def with_labels(clips: ClipTable, label: np.ndarray) -> ClipTable:
    """The same table with other labels."""
    return ClipTable.of(clips.id, label, clips.persons, clips.frames, dict(clips.columns))


def trained(task: Task, config: TrainConfig) -> tuple[Run, list[float]]:
    """A finished run in memory and its losses."""
    run, losses = Run(task, config, None, "cpu"), []
    assert run.train(lambda now: losses.append(now.reading.loss), handle_signals=False) is None
    return run, losses


@pytest.fixture(scope="module")
def straight(task) -> Callable[[str], tuple[Run, list[float]]]:
    """A method's run that nothing interrupted, and its losses; the run must not be changed."""
    return cache(lambda method: trained(task, config_of(method)))


def state_of(run: Run) -> dict[str, Tensor]:
    """All weights and buffers of the last stage, and their averages."""
    averages = {f"ema {name}": value for name, value in run.trainer.ema.state.items()}
    return {name: value.clone() for name, value in (run.trainer.method.state_dict() | averages).items()}


def first_trainer(task: Task, method: str) -> Trainer:
    """The trainer of the first stage, as if it were at its last step."""
    trainer = Run(task, config_of(method), None, "cpu").trainer
    trainer.step = trainer.steps - 1
    trainer.method.on_epoch_start(trainer.context())
    return trainer


@pytest.mark.slow
@pytest.mark.parametrize("method", [name for name, kind in METHODS.items() if kind.trains_predictor])
def test_it_overfits_eight_clips(task, method):
    """Without augmentation eight labelled clips of four classes are recognised after some steps."""
    gentle = {"consistency": 1.0} if hasattr(METHODS[method].Config(), "consistency") else {}
    config, plain = small_run(method, **gentle), AugmentConfig()
    data = replace(config.data, weak=plain, strong=plain, resample=replace(config.data.resample, train="whole"))
    model = replace(config.model, encoder=replace(config.model.encoder, blocks=((8, 16, 4, 2), (16, 32, 4, 1))))
    longer: dict[str, Any] = {"epochs": 45, "ema": 0.0, "batch": BatchSizes(8, 8)}
    config = replace(config, data=data, model=model, stages=tuple(replace(each, **longer) for each in config.stages))
    run, _ = trained(task, config)
    index, labels = task.labels.resolve(task.store, task.split)
    with torch.no_grad():
        predictor = run.model().predictor
        sample = run.data.maker.whole(torch.from_numpy(index), predictor.modalities).sample
        assert predictor(sample).argmax(dim=1).tolist() == labels.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("method", [name for name, kind in METHODS.items() if not kind.trains_predictor])
def test_pre_training_lowers_its_loss(task, method):
    """After steps on one batch, banks and targets included, the loss is below that of a network that stood still."""
    losses = []
    for rate in (1e-9, 3e-3):
        trainer, now = first_trainer(task, method), []
        batch = trainer.loader.step(0)
        for optimiser in trainer.optimisers.values():
            optimiser.param_groups[0]["lr"] = rate
        for _ in range(20):
            for phase, optimiser in trainer.optimisers.items():
                output = trainer.method.training_step(batch, trainer.context(), phase)
                trainer._optimise(optimiser, trainer.weights[phase], output, rate)
            trainer.method.on_step_end(trainer.context())
            now.append(float(output.loss.detach()))
        losses.append(sum(now[-5:]))
    assert losses[1] < losses[0]


@every_method
def test_every_parameter_gets_a_gradient_and_an_optimiser(task, method):
    """Biases before batch norm excepted, whose gradient is zero but for rounding; none is missing."""
    trainer = first_trainer(task, method)
    batch = trainer.loader.step(0)
    for phase in trainer.method.phases:
        trainer.method.training_step(batch, trainer.context(), phase).loss.backward()
    trained = {name: weight for name, weight in trainer.method.named_parameters() if weight.requires_grad}
    assert [name for name, weight in trained.items() if weight.grad is None] == []
    assert [name for name, weight in trained.items() if not weight.grad.any()] == []
    optimised = [id(weight) for weights in trainer.weights.values() for weight in weights]
    assert sorted(optimised) == sorted(map(id, trained.values())), "every parameter belongs to one phase"


@every_method
def test_every_pass_with_gradients_saves_memory_as_configured(task, monkeypatch, method):
    asked = []

    def noted(encoder, inputs, persons, memory):
        if torch.is_grad_enabled() and any(weight.requires_grad for weight in encoder.parameters()):
            asked.append(memory)
        return encode_in_memory(encoder, inputs, persons, memory)

    monkeypatch.setattr("psp.model.backbone.encode_in_memory", noted)
    config, memory = config_of(method), MemoryConfig(recompute=True, chunk=5)
    config = replace(config, runtime=replace(config.runtime, memory=memory))
    trainer = Run(task, config, None, "cpu").trainer
    for phase in trainer.method.phases:
        trainer.method.training_step(trainer.loader.step(0), trainer.context(), phase).loss.backward()
    assert set(asked) == {memory}


@every_method
def test_a_step_of_clips_of_one_frame_is_taken(task, method):
    config = config_of(method)
    config = replace(config, data=replace(config.data, resample=replace(config.data.resample, frames=1)))
    trainer = Run(task, config, None, "cpu").trainer
    for phase in trainer.method.phases:
        assert trainer.method.training_step(trainer.loader.step(0), trainer.context(), phase).loss.isfinite()


def test_a_module_that_no_phase_trains_is_refused(task, monkeypatch):
    class Forgotten(METHODS["supervised"]):
        def __init__(self, config, setting):
            super().__init__(config, setting)
            self.decoder = nn.Linear(2, 2)

    monkeypatch.setitem(METHODS, "supervised", Forgotten)
    with pytest.raises(ConfigError, match=r"the weight decoder\.weight is trained in no phase\. Return its module"):
        Run(task, config_of("supervised"), None, "cpu")


@every_method
def test_a_method_with_the_same_state_takes_the_same_step(task, straight, method):
    """Everything that a method remembers is in its state_dict."""
    first, second = first_trainer(task, method), first_trainer(task, method)
    batch = first.loader.step(1)
    for phase in first.method.phases:
        first.method.training_step(first.loader.step(0), first.context(), phase)
    first.method.on_step_end(first.context())
    second.method.load_state_dict({name: value.clone() for name, value in first.method.state_dict().items()})
    for phase in first.method.phases:
        one, other = (each.method.training_step(batch, first.context(), phase).loss for each in (first, second))
        assert torch.equal(one, other)
    states = [each.method.state_dict() for each in (first, second)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


@pytest.mark.unchecked
@every_method
def test_the_saved_and_the_exported_predictor_equal_the_trained_one(straight, tmp_path, method):
    run, _ = straight(method)
    model = run.model()
    model.save(tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors").predictor
    sample = run.data.maker.whole(torch.arange(12), again.modalities).sample
    with torch.no_grad():
        logits = model.predictor.logits(sample)
        assert torch.equal(again.logits(sample), logits)
        torch.testing.assert_close(again.dense_logits(sample.modalities, sample.persons), logits)


@pytest.mark.unchecked
@every_method
def test_labels_outside_the_budget_change_nothing(store, task, straight, method):
    """A store whose other labels are wrong, or missing, gives the same weights and losses."""
    secret = ~np.isin(store.clips.id, task.labels.ids)
    label = np.where(secret, np.arange(len(store)) % 5 - 1, store.clips.label)
    other = Task(replace(store, clips=with_labels(store.clips, label)), task.split, task.labels)
    (found, losses), (run, wanted) = trained(other, config_of(method)), straight(method)
    state = state_of(run)
    assert losses == wanted
    assert all(torch.equal(value, state[name]) for name, value in state_of(found).items())


@pytest.mark.unchecked
@every_family
def test_a_killed_run_resumes_to_the_bit(task, tmp_path, method):
    """Killed once in the first half and once in the second, which is the second stage of methods with two."""
    config = config_of(method)
    whole = start_run(task, config, tmp_path / "whole", "cpu")
    steps = sum(stage.epochs for stage in config.stages) * whole.trainer.steps_per_epoch
    assert whole.train() is None
    start_run(task, config, tmp_path / "broken", "cpu")
    for count in (steps // 2 - 1, steps // 2):
        with pytest.raises(KilledError):
            resume_run(tmp_path / "broken", device="cpu").train(DiesAfter(count), checkpoint_seconds=0)
    assert resume_run(tmp_path / "broken", device="cpu").train() is None
    for name in ("last.safetensors", "model.safetensors"):
        one, other = (load_file(tmp_path / folder / name) for folder in ("whole", "broken"))
        assert all(torch.equal(value, other[key]) for key, value in one.items())
    first, second = ((tmp_path / folder / "metrics.jsonl").read_text() for folder in ("whole", "broken"))
    assert first == second


def learnt(config: TrainConfig, store_path: Path) -> dict[str, Tensor]:
    """Losses of some steps and all weights after them, in double precision and without dropout."""
    config = replace(config, runtime=replace(config.runtime, precision="float64"))
    config = replace(config, stages=tuple(replace(stage, steps_per_epoch=2) for stage in config.stages))
    config = replace(
        config, stages=tuple(replace(s, batch=replace(s.batch, labelled=5, unlabelled=7)) for s in config.stages)
    )
    run, losses = trained(make_task(store_path, "2/class", "synthetic-xsub"), config)
    state = {f"method {name}": value.double() for name, value in run.trainer.method.state_dict().items()}
    return state | {"losses": torch.tensor(losses, dtype=torch.float64)} | dict(run.trainer.ema.state)


def learnt_on_rank(rank: int, store_path: Path) -> list[dict[str, Tensor]]:
    return [learnt(config_of(method), store_path) for method in REPRESENTATIVES]


@pytest.fixture(scope="module")
def ranks(store, tmp_path_factory) -> list[list[dict[str, Tensor]]]:
    return on_two_ranks(learnt_on_rank, tmp_path_factory.mktemp("ranks"), store.path)


@pytest.mark.unchecked
@every_family
def test_two_ranks_equal_one_process(ranks, store, method):
    whole = learnt(config_of(method), store.path)
    number = REPRESENTATIVES.index(method)
    for found in (results[number] for results in ranks):
        assert found.keys() == whole.keys()
        for name, value in whole.items():
            torch.testing.assert_close(found[name], value, rtol=NEAR, atol=NEAR, msg=partial("{}: {}".format, name))
    for name, value in ranks[0][number].items():
        assert torch.equal(value, ranks[1][number][name]), name


@every_method
def test_an_option_of_another_method_is_unknown(method):
    config = config_of(method)
    name = "momentum_of_the_moon"
    with pytest.raises(ConfigError, match=rf"method\.{name}: there is no such setting"):
        changed(config, {config.stages[0].name: {"method": {name: 1}}})
    near = fields(METHODS[method].Config)[0].name
    with pytest.raises(ConfigError, match=rf"Did you mean '{near}'\?"):
        method_config(method, **{f"{near}s": 1})


def test_a_stage_starts_from_a_given_weight_file(task, tmp_path):
    first = Run(task, small_run("supervised"), None, "cpu")
    first.train(handle_signals=False)
    first.model().save(tmp_path / "model.safetensors")
    config = with_stage(small_run("psp"), initialise=str(tmp_path / "model.safetensors"))
    second = Run(task, config, None, "cpu")
    ours, theirs = (run.state_dict() for run in (second.trainer.method.backbone(), first.model().predictor.backbone))
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
