"""What every method must hold; all methods in METHODS are enrolled, also those of other packages."""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from psp.batches.augment import AugmentConfig
from psp.batches.batch import BatchSizes
from psp.dataset.clip_table import ClipTable
from psp.dataset.store import Store
from psp.errors import ConfigError
from psp.methods import METHODS
from psp.model.model_file import load_model
from psp.train.api import make_task, resume_run, start_run
from psp.train.config import TrainConfig, changed, method_config
from psp.train.run import Run
from psp.train.run_folder import Task
from psp.train.trainer import Progress
from ranks import on_two_ranks
from runs import small_run, with_stage
from stores import small_store

NEAR = 1e-6
"""Between one process and two: AdamW divides gradients that are rounding alone by their size plus 1e-8."""

EARLY = {"psp-mean-teacher": {"start": 0.34, "noisy_labels": 1.0}, "fixmatch": {"threshold": 0.3}}
"""Options with which every part of a method works within three epochs."""

every_method = pytest.mark.parametrize("method", METHODS)


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


def config_of(method: str) -> TrainConfig:
    return small_run(method, **EARLY.get(method, {}))


def trained(task: Task, config: TrainConfig, folder: Path) -> dict[str, Tensor]:
    run = start_run(task, config, folder, "cpu")
    assert run.train() is None
    return load_file(run.folder.model("last")) | {f"ema {k}": v for k, v in load_file(run.folder.model()).items()}


@pytest.mark.slow
@every_method
def test_it_overfits_eight_clips(task, method):
    """Without augmentation eight labelled clips of four classes are recognised after some steps."""
    config, plain = small_run(method), AugmentConfig()
    data = replace(config.data, weak=plain, strong=plain, resample=replace(config.data.resample, train="whole"))
    model = replace(config.model, encoder=replace(config.model.encoder, blocks=((8, 16, 4, 2), (16, 32, 4, 1))))
    longer = {"epochs": 45, "ema": 0.0, "batch": BatchSizes(8, 8)}
    config = replace(config, data=data, model=model, stages=tuple(replace(each, **longer) for each in config.stages))
    run = Run(task, config, None, "cpu")
    assert run.train(handle_signals=False) is None
    index, labels = task.labels.resolve(task.store, task.split)
    with torch.no_grad():
        predictor = run.model().predictor
        sample = run.data.maker.whole(torch.from_numpy(index), predictor.modalities).sample
        assert predictor(sample).argmax(dim=1).tolist() == labels.tolist()


@every_method
def test_every_parameter_gets_a_gradient(task, method):
    """Biases before batch norm excepted, whose gradient is zero but for rounding; none is missing."""
    config = config_of(method)
    run = Run(task, config, None, "cpu")
    trainer = run.trainer
    trainer.step = trainer.steps - 1
    trainer.method.on_epoch_start(trainer.context())
    batch = trainer.loader.step(0)
    for phase in trainer.method.phases:
        trainer.method.training_step(batch, trainer.context(), phase).loss.backward()
    without = [
        name for name, weight in trainer.method.named_parameters() if weight.requires_grad and weight.grad is None
    ]
    assert without == []
    zero = [
        name for name, weight in trainer.method.named_parameters() if weight.grad is not None and not weight.grad.any()
    ]
    assert zero == []


@pytest.fixture(scope="module")
def straight(task, tmp_path_factory) -> Callable[[str], tuple[dict[str, Tensor], str]]:
    """The weights and the log of a method's run that nothing interrupted."""

    @cache
    def made(method: str) -> tuple[dict[str, Tensor], str]:
        folder = tmp_path_factory.mktemp("straight") / "run"
        return trained(task, config_of(method), folder), (folder / "metrics.jsonl").read_text()

    return made


@every_method
def test_a_killed_run_resumes_to_the_bit(task, straight, tmp_path, method):
    config = config_of(method)
    start_run(task, config, tmp_path / "broken", "cpu")
    for steps in (2, 1, 2):
        with pytest.raises(KilledError):
            resume_run(tmp_path / "broken", device="cpu").train(DiesAfter(steps), checkpoint_seconds=0)
    assert resume_run(tmp_path / "broken", device="cpu").train() is None
    again = load_file(tmp_path / "broken" / "last.safetensors")
    weights, log = straight(method)
    assert all(torch.equal(value, weights[name]) for name, value in again.items())
    assert (tmp_path / "broken" / "metrics.jsonl").read_text() == log


def learnt(config: TrainConfig, store_path: Path) -> dict[str, Tensor]:
    """Losses of some steps and all weights after them, in double precision and without dropout."""
    config = replace(config, runtime=replace(config.runtime, precision="float64"))
    config = replace(config, stages=tuple(replace(stage, steps_per_epoch=2) for stage in config.stages))
    config = replace(
        config, stages=tuple(replace(s, batch=replace(s.batch, labelled=5, unlabelled=7)) for s in config.stages)
    )
    run, losses = Run(make_task(store_path, "2/class", "synthetic-xsub"), config, None, "cpu"), []
    run.train(lambda now: losses.append(now.reading.loss), handle_signals=False)
    state = {f"method {name}": value.double() for name, value in run.trainer.method.state_dict().items()}
    return state | {"losses": torch.tensor(losses, dtype=torch.float64)} | dict(run.trainer.ema.state)


def learnt_on_rank(rank: int, store_path: Path) -> list[dict[str, Tensor]]:
    return [learnt(config_of(method), store_path) for method in METHODS]


@pytest.fixture(scope="module")
def ranks(store, tmp_path_factory) -> list[list[dict[str, Tensor]]]:
    return on_two_ranks(learnt_on_rank, tmp_path_factory.mktemp("ranks"), store.path)


@every_method
def test_two_ranks_equal_one_process(ranks, store, method):
    whole = learnt(config_of(method), store.path)
    number = list(METHODS).index(method)
    for found in (results[number] for results in ranks):
        assert found.keys() == whole.keys()
        for name, value in whole.items():
            torch.testing.assert_close(found[name], value, rtol=NEAR, atol=NEAR, msg=partial("{}: {}".format, name))
    for name, value in ranks[0][number].items():
        assert torch.equal(value, ranks[1][number][name]), name


@every_method
def test_the_saved_and_the_exported_predictor_equal_the_trained_one(task, tmp_path, method):
    run = Run(task, config_of(method), None, "cpu")
    run.train(handle_signals=False)
    model = run.model()
    model.save(tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors").predictor
    sample = run.data.maker.whole(torch.arange(12), again.modalities).sample
    with torch.no_grad():
        logits = model.predictor.logits(sample)
        assert torch.equal(again.logits(sample), logits)
        torch.testing.assert_close(again.dense_logits(sample.modalities, sample.persons), logits)


@every_method
def test_labels_outside_the_budget_change_nothing(store, task, straight, tmp_path, method):
    """A store whose other labels are wrong, or missing, gives the same weights and log."""
    secret = ~np.isin(store.clips.id, task.labels.ids)
    label = np.where(secret, np.arange(len(store)) % 5 - 1, store.clips.label)
    other = Task(replace(store, clips=with_labels(store.clips, label)), task.split, task.labels)
    found, (weights, log) = trained(other, config_of(method), tmp_path / "run"), straight(method)
    assert all(torch.equal(value, weights[name]) for name, value in found.items())
    assert (tmp_path / "run" / "metrics.jsonl").read_text() == log


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
