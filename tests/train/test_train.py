from dataclasses import replace

import pytest
import torch

from psp.data.budget import draw_budget
from psp.data.split import protocol_by_name, split_store
from psp.errors import BudgetError, CheckpointError, ConfigError
from psp.train.device import multiplies_bf16
from psp.train.run import open_run
from psp.train.train import resume_run, start_run
from runs import SMALL_RUN
from stores import small_store

SHORT = replace(SMALL_RUN, epochs=1, steps=2)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("train") / "store")


def test_a_start_that_fails_leaves_no_folder(store, tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise ConfigError("no network.")

    with pytest.raises(BudgetError):
        start_run(store, replace(SHORT, budget="900/class"), tmp_path / "run", device="cpu")
    monkeypatch.setattr("psp.train.loop.make_network", refuse)
    with pytest.raises(ConfigError, match="no network"):
        start_run(store, SHORT, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_given_budget_is_told_by_the_configuration(store, tmp_path):
    protocol = protocol_by_name(SHORT.protocol)
    given = draw_budget("3/class", protocol, store.clips, split_store(protocol, store).train, 7)
    start_run(store, SHORT, tmp_path / "run", given, "cpu")
    run = open_run(tmp_path / "run")
    assert (run.config.budget, run.config.budget_seed, run.budget) == ("3/class", 7, given)
    assert run.config.hash != SHORT.hash


def test_folders_may_be_text(store, tmp_path):
    start_run(store, SHORT, str(tmp_path / "run"), device="cpu")
    assert resume_run(str(tmp_path / "run"), str(store.path), "cpu").run() is None


def test_a_log_that_was_cut_is_not_padded(store, tmp_path):
    trainer = start_run(store, SHORT, tmp_path / "run", device="cpu")
    trainer.run()
    trainer.folder.metrics.write_text("")
    with pytest.raises(CheckpointError, match="shorter than the checkpoint"):
        resume_run(tmp_path / "run", device="cpu").run()
    assert trainer.folder.metrics.read_bytes() == b""


def test_one_process_trains_in_one_precision_after_the_other(store, tmp_path):
    seen = []
    for precision in ("float32", "bf16", "float32"):
        trainer = start_run(store, replace(SHORT, precision=precision), tmp_path / str(len(seen)), device="cpu")
        assert trainer.run(lambda now: seen.append(now.objective)) is None
        assert all(weight.dtype == torch.float32 for weight in trainer.network.parameters())
    first, half, again = seen[:2], seen[2:4], seen[4:]
    assert first == again
    assert (first != half) == multiplies_bf16(torch.device("cpu"))
    assert half == pytest.approx(first, rel=0.05)
