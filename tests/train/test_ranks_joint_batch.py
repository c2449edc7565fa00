"""Two ranks learn exactly what one process learns from the joined batch."""

from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from psp.batches.loader import Batch
from psp.dataset.labels import draw_budget
from psp.dataset.split import protocol_by_name, split_store
from psp.dataset.store import open_store
from psp.methods.methods import METHODS, MemoryConfig, MethodName
from psp.train.average import WeightAverage
from psp.train.config import TrainConfig
from psp.train.loop import Trainer
from psp.train.presets import PRESETS, PresetName
from psp.train.run import RunFolder
from ranks import on_two_ranks
from runs import SMALL_RUN
from stores import small_store

STEPS = 4
NEAR = 1e-9
ADAMW_NEAR = 1e-6
"""Biases before batch norm have no gradient but rounding; AdamW, beside Muon too, divides it by its size plus 1e-8."""

CASES = [(preset, method, MemoryConfig()) for preset in PRESETS for method in METHODS]
CASES += [("best", "psp", MemoryConfig(recompute=True))]


class DoubleTrainer(Trainer):
    """A trainer in double precision, so that equal means equal to nine digits."""

    def _make_network(self) -> None:
        super()._make_network()
        self.network.double()
        self.average = WeightAverage(self.network, self.config.average)

    def _make_streams(self) -> None:
        super()._make_streams()
        if self.teacher:
            whole, self.teacher.batches = self.teacher.batches.in_order, copy(self.teacher.batches)
            self.teacher.batches.in_order = lambda clips: map(doubled, whole(clips))

    def _draw_batches(self, step: int) -> tuple[Batch, Batch | None]:
        labelled, unlabelled = super()._draw_batches(step)
        return doubled(labelled), None if unlabelled is None else doubled(unlabelled)


def doubled(batch: Batch) -> Batch:
    return replace(batch, views={name: view.double() for name, view in batch.views.items()})


def settings(preset: PresetName, method: MethodName, memory: MemoryConfig) -> TrainConfig:
    """A preset with few frames, a small network without dropout, unequal shares, and pseudo-labels it believes.

    A teacher teaches from the first step on.
    """
    config = PRESETS[preset]("synthetic-xsub", "2/class", "tiny")
    sample = replace(config.data.sample, frames=8)
    return replace(
        config,
        method=method,
        memory=memory,
        data=replace(config.data, sample=sample),
        model=replace(config.model, encoder=SMALL_RUN.model.encoder, dropout=0.0),
        objective=replace(config.objective, confidence=0.3),
        optim=replace(config.optim, warmup=0.0),
        labelled_batch=5,
        unlabelled_batch=7,
        teach_after=0.0,
    )


def learnt(config: TrainConfig, store_path: Path) -> dict[str, Tensor]:
    """Losses, accuracy and gradients of the first step, weights and statistics after some."""
    store = open_store(store_path)
    protocol = protocol_by_name(config.protocol)
    budget = draw_budget(config.budget, protocol, store.clips, split_store(protocol, store).train, 0)
    trainer = DoubleTrainer(RunFolder(Path("unused")), config, store, budget, "cpu")
    found: dict[str, Tensor] = {}
    for step in range(STEPS):
        result = trainer._step_of_algorithm_1()
        trainer.step += 1
        found |= {f"{step} {name}": value.detach() for name, value in result.parts.items()}
        found |= {f"{step} objective": result.objective.detach(), f"{step} accuracy": result.accuracy}
        if step == 0:
            gradients = {name: weight.grad for name, weight in trainer.network.named_parameters()}
            found |= {f"gradient of {name}": value.clone() for name, value in gradients.items() if value is not None}
            found |= {f"statistics {name}": value.clone() for name, value in trainer.network.named_buffers()}
    found |= {f"last {name}": value for name, value in trainer.network.state_dict().items()}
    return found | {f"average {name}": value for name, value in trainer.average.state.items()}


def learnt_on_rank(rank: int, store_path: Path) -> list[dict[str, Tensor]]:
    return [learnt(settings(*case), store_path) for case in CASES]


@pytest.fixture(scope="module")
def store_path(tmp_path_factory) -> Path:
    return small_store(tmp_path_factory.mktemp("ranks") / "store").path


@pytest.fixture(scope="module")
def ranks(store_path, tmp_path_factory) -> list[list[dict[str, Tensor]]]:
    return on_two_ranks(learnt_on_rank, tmp_path_factory.mktemp("ranks"), store_path)


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=[f"{preset} {method} {memory}" for preset, method, memory in CASES]
)
def test_two_ranks_learn_what_one_does(ranks, store_path, number):
    config = settings(*CASES[number])
    whole = learnt(config, store_path)
    for found in (results[number] for results in ranks):
        assert found.keys() == whole.keys()
        for name, value in whole.items():
            after_steps = name.startswith(("last", "average"))
            near = ADAMW_NEAR if after_steps and config.optim.optimiser != "sgd" else NEAR
            torch.testing.assert_close(found[name], value, rtol=near, atol=near, msg=partial("{}: {}".format, name))
    for name, value in ranks[0][number].items():
        assert torch.equal(value, ranks[1][number][name]), name


def test_the_comparison_would_notice_what_it_is_about(store_path):
    """Other clips, other gradients; and the statistics of the first step have moved."""
    config = settings("best", "psp", MemoryConfig())
    found, other = learnt(config, store_path), learnt(replace(config, seed=1), store_path)
    assert not torch.allclose(found["0 objective"], other["0 objective"], rtol=1e-6)
    assert float(found["0 pseudo-label"]) > 0
    assert float(learnt(settings("best", "taught", MemoryConfig()), store_path)["0 teacher"]) > 0
    assert any(float(value.abs().max()) > 1e-3 for name, value in found.items() if name.startswith("gradient"))
