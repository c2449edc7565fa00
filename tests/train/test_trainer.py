from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from psp.batches.batch import BatchSizes, BatchSpec
from psp.batches.loader import SampleMaker
from psp.distributed import Ranks
from psp.errors import ConfigError
from psp.methods.base import Method, MethodConfig, Setting, StepOutput
from psp.train.config import RuntimeConfig, Stage
from psp.train.optim import OptimConfig
from psp.train.trainer import NotFiniteError, Trainer, TrainingData
from runs import SMALL_RUN
from stores import small_store

TRAIN, LABELLED = np.arange(10), np.array([2, 3, 7])


class TwoPhases(Method[MethodConfig]):
    """A critic and a generator with one weight each; notes what it is asked."""

    phases = ("critic", "generator")
    trains_predictor = False

    def __init__(self, config: MethodConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        self.weights = nn.ParameterDict({phase: nn.Parameter(torch.zeros(())) for phase in self.phases})
        self.calls: list[tuple] = []

    def batches(self):
        return {"clips": BatchSpec("unlabelled", self.setting.batch.unlabelled, ("joint",))}

    def training_step(self, batch, context, phase="main"):
        self.calls.append(("step", context.step, phase, *(float(weight) for weight in self.weights.values())))
        loss = sum(weight * (1 + number) for number, weight in enumerate(self.weights.values()))
        return StepOutput(loss, {phase: loss.detach()})

    def phase_parameters(self, phase):
        return [self.weights[phase]]

    def on_stage_start(self, context):
        self.calls.append(("stage", context.step))

    def on_epoch_start(self, context):
        self.calls.append(("epoch", context.step, context.epoch, context.epochs, context.progress))

    def on_step_end(self, context):
        self.calls.append(("end", context.step))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> TrainingData:
    store = small_store(tmp_path_factory.mktemp("trainer") / "store", clips=12)
    labels = np.full(12, -1)
    labels[LABELLED] = store.clips.label[LABELLED]
    return TrainingData(SampleMaker(store, SMALL_RUN.data), LABELLED, TRAIN, labels)


def trainer_of(data: TrainingData, stage: Stage, runtime: RuntimeConfig) -> Trainer:
    setting = Setting(data.maker.store.layout, 4, 12, 8, SMALL_RUN.model, batch=stage.batch)
    method = TwoPhases(MethodConfig(), setting)
    return Trainer(method, stage, data, runtime, 0, Ranks(torch.device("cpu")))


STAGE = Stage(batch=BatchSizes(4, 4), optim=OptimConfig(momentum=0.0, learning_rate=1.0, weight_decay=0.0, warmup=0),
              epochs=2)  # fmt: skip


def test_an_epoch_is_a_pass_over_the_clips_without_labels(data):
    for unlabelled, steps in ((4, 2), (7, 1), (3, 3)):
        trainer = trainer_of(data, replace(STAGE, batch=BatchSizes(1, unlabelled)), RuntimeConfig())
        assert (trainer.steps_per_epoch, trainer.steps) == (steps, 2 * steps)
        assert trainer.pools["unlabelled"].tolist() == [0, 1, 4, 5, 6, 8, 9]
    assert trainer_of(data, replace(STAGE, steps_per_epoch=5), RuntimeConfig()).steps == 10


def test_labelled_clips_are_in_the_pool_where_asked_for_and_where_there_are_no_others(data):
    assert data.pools(BatchSizes(unlabelled_pool="train"))["unlabelled"].tolist() == TRAIN.tolist()
    assert replace(data, labelled=TRAIN).pools(BatchSizes())["unlabelled"].tolist() == TRAIN.tolist()
    assert data.pools(BatchSizes())["labelled"].tolist() == LABELLED.tolist()


def test_phases_follow_one_another_each_with_its_own_weights(data):
    """SGD at rate 1 moves the critic by -1 a step and the generator by -2, one after the other."""
    trainer = trainer_of(data, STAGE, RuntimeConfig())
    trainer.run(lambda now: False)
    steps = [call[1:] for call in trainer.method.calls if call[0] == "step"]
    assert steps[:4] == [(0, "critic", 0, 0), (0, "generator", -1, 0), (1, "critic", -1, -2), (1, "generator", -2, -2)]


def test_a_method_is_called_in_order(data):
    trainer = trainer_of(data, STAGE, RuntimeConfig())
    trainer.run(lambda now: False)
    calls = [call for call in trainer.method.calls if call[0] != "step"]
    assert calls == [
        ("stage", 0), ("epoch", 0, 0, 2, 0.0), ("end", 0), ("end", 1), ("epoch", 2, 1, 2, 0.5), ("end", 2), ("end", 3),
    ]  # fmt: skip


def test_the_log_shows_all_phases_and_every_step_is_shown(data):
    trainer, shown, logged = trainer_of(data, STAGE, RuntimeConfig(log_every=3)), [], []
    trainer.run(lambda now: shown.append(now) is not None, on_log=logged.append)
    assert [(now.step, now.epoch, now.steps, now.stage) for now in shown] == [
        (1, 1, 4, "train"), (2, 1, 4, "train"), (3, 2, 4, "train"), (4, 2, 4, "train"),
    ]  # fmt: skip
    assert [(now.step, now.loss, dict(now.metrics)) for now in logged] == [
        (3, -10 - 12 + 1, {"critic": -10.0, "generator": -11.0}),
        (4, -15 - 16, {"critic": -15.0, "generator": -16.0}),
    ]
    assert [now.reading.step for now in shown] == [1, 1, 3, 4]


def test_it_stops_when_it_is_told_to_and_goes_on(data):
    trainer = trainer_of(data, STAGE, RuntimeConfig())
    trainer.run(lambda now: now.step == 3)
    assert trainer.step == 3
    trainer.run(lambda now: False)
    assert trainer.step == 4
    assert [call[1] for call in trainer.method.calls if call[0] == "end"] == [0, 1, 2, 3]


def test_epochs_are_reported_as_they_end(data):
    trainer, ends = trainer_of(data, STAGE, RuntimeConfig(log_every=100)), []
    trainer.run(lambda now: False, on_epoch=lambda each: ends.append((each.step, each.reading.step)))
    assert ends == [(2, 2), (4, 4)]


@pytest.mark.parametrize("phase", TwoPhases.phases)
def test_a_phase_that_is_not_finite_stops_all_weights(data, phase):
    trainer = trainer_of(data, STAGE, RuntimeConfig(log_every=4))
    step = trainer.method.training_step

    def spoilt(batch, context, name):
        output = step(batch, context, name)
        spoil = context.step == 1 and name == phase
        return replace(output, loss=output.loss * torch.nan) if spoil else output

    trainer.method.training_step = spoilt
    with pytest.raises(NotFiniteError, match="the loss of step 2 is not finite"):
        trainer.run(lambda now: False)
    weights = [float(weight) for weight in trainer.method.weights.values()]
    assert weights == ([-1.0, -2.0] if phase == "critic" else [-2.0, -2.0])


def test_a_batch_smaller_than_the_ranks_is_refused(data, monkeypatch):
    ranks = Ranks(torch.device("cpu"))
    monkeypatch.setattr(ranks, "count", 8)
    setting = Setting(data.maker.store.layout, 4, 12, 8, SMALL_RUN.model, batch=STAGE.batch)
    with pytest.raises(ConfigError, match="a batch of 4"):
        Trainer(TwoPhases(MethodConfig(), setting), STAGE, data, RuntimeConfig(), 0, ranks)


def test_the_rate_follows_the_schedule_and_gradients_are_clipped(data):
    optim = replace(STAGE.optim, warmup=1.0, clip_norm=0.5, learning_rate=0.5)
    trainer, rates = trainer_of(data, replace(STAGE, optim=optim), RuntimeConfig()), []
    trainer.run(lambda now: rates.append(trainer.optimisers["critic"].param_groups[0]["lr"]) is not None)
    assert rates == pytest.approx([0.5e-3, 0.25, 0.5, 0.5])
    moved = 0.5 * sum(rates)
    assert [float(weight) for weight in trainer.method.weights.values()] == pytest.approx([-moved, -moved])


def test_rare_classes_come_more_often(data):
    labels = np.array([0] * 8 + [1] * 4 + [2] * 2 + [3] * 6)
    uneven = replace(data, labelled=np.arange(20), train=np.arange(20), labels=labels)
    drawn = uneven.balanced()
    assert np.bincount(labels[drawn]).tolist() == [8, 8, 8, 6]
    assert sorted(set(drawn.tolist())) == list(range(20))
    assert np.array_equal(replace(uneven, labels=np.repeat(np.arange(4), 5)).balanced(), np.arange(20))
