import json

import pytest
import torch
from torch import nn

from psp.batches.loader import SampleMaker
from psp.errors import TrainingError
from psp.train.checkpoint import save_checkpoint
from psp.train.nan_guard import Failure, FiniteGuard, refusal
from psp.train.optim import OptimConfig, make_optimiser, step_unless
from psp.train.run_folder import RunFolder
from runs import SMALL_RUN
from stores import small_store

ONE, NAN = torch.tensor(1.0), torch.tensor(float("nan"))


def test_the_first_failure_is_remembered_and_all_later_steps_are_refused():
    guard = FiniteGuard(torch.device("cpu"))
    refused = [float(guard.watch(*step)) for step in ((ONE, ONE, 1), (ONE, NAN, 2), (NAN, NAN, 3), (ONE, ONE, 4))]
    assert refused == [0.0, 1.0, 1.0, 1.0]
    assert guard.failure() == Failure(2, "gradient")


def test_a_loss_is_blamed_before_its_gradient():
    guard = FiniteGuard(torch.device("cpu"))
    assert guard.failure() is None
    guard.watch(ONE / 0, NAN, 1)
    assert guard.failure() == Failure(1, "loss")


@pytest.mark.parametrize("optimiser", ["sgd", "adamw", "muon"])
def test_no_weight_moves_once_a_gradient_was_not_finite(optimiser):
    network, guard = nn.Linear(3, 2), FiniteGuard(torch.device("cpu"))
    steps = make_optimiser(network, network.parameters(), OptimConfig(optimiser))
    for number, factor in enumerate((1.0, float("nan"), 1.0), 1):
        before = [weight.detach().clone() for weight in network.parameters()]
        loss = factor * network(torch.ones(1, 3)).sum()
        steps.zero_grad()
        loss.backward()
        step_unless(steps, guard.watch(ONE, nn.utils.clip_grad_norm_(network.parameters(), 1.0), number))
        moved = [not torch.equal(weight, old) for weight, old in zip(network.parameters(), before, strict=True)]
        assert moved == [number == 1] * 2
    assert guard.failure() == Failure(2, "gradient")


def test_every_rank_lists_its_own_clips_and_the_kept_step_is_named(tmp_path):
    store, folder = small_store(tmp_path / "store", clips=12), RunFolder(tmp_path / "run")
    save_checkpoint(folder.checkpoints, 17, {"a": ONE}, {})
    maker = SampleMaker(store, SMALL_RUN.data)
    for rank, clips in enumerate((torch.tensor([0, 1]), torch.tensor([2, 3]))):
        batch = maker.whole(clips, ("joint",))
        batch.sample.modalities["joint"][1, 0, 0, 0, 0] = torch.nan
        error = refusal(Failure(20, "gradient"), [batch], store, folder, rank)
        with pytest.raises(TrainingError, match=f"gradient of step 20.*{store.clips.id[clips[1]]}.* step 17 is kept"):
            raise error
    for rank, name in enumerate(("non-finite.json", "non-finite-rank1.json")):
        listed = json.loads((folder.path / name).read_text())
        assert listed["clips"] == store.clips.id[2 * rank : 2 * rank + 2].tolist()
        assert listed["not finite themselves"] == [store.clips.id[2 * rank + 1]]


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    store = small_store(tmp_path / "store", clips=12)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    batch = SampleMaker(store, SMALL_RUN.data).whole(torch.tensor([4]), ("joint",))
    assert store.clips.id[4] in str(refusal(Failure(1, "loss"), [batch], store, None, 0))
    assert sorted(tmp_path.rglob("*")) == before
