from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from psp.dataset.labels import draw_budget
from psp.dataset.split import protocol_by_name, split_store
from psp.errors import BudgetError, CheckpointError, ConfigError
from psp.methods.methods import MemoryConfig, MethodName
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


@pytest.mark.parametrize("resumed", [False, True])
def test_what_else_the_program_draws_changes_nothing(store, tmp_path, resumed):
    config = replace(SHORT, steps=3, model=replace(SHORT.model, dropout=0.5))
    straight = start_run(store, config, tmp_path / "straight", device="cpu")
    straight.run()
    other = start_run(store, config, tmp_path / "other", device="cpu")
    torch.rand(1)
    (resume_run(tmp_path / "other", device="cpu") if resumed else other).run()
    first, second = (load_file(tmp_path / run / "last.safetensors") for run in ("straight", "other"))
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_compiled_encoder_that_is_to_be_computed_twice_is_refused(store, tmp_path):
    config = replace(SHORT, memory=MemoryConfig(recompute=True))
    with pytest.raises(ConfigError, match=r"memory\.recompute: a compiled encoder"):
        start_run(store, config, tmp_path / "run", device="cpu", compile=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("method", get_args(MethodName))
def test_labels_outside_the_budget_change_nothing(store, tmp_path, method):
    """A store whose other labels are wrong, and partly missing, gives the same network; so nothing looked at them."""
    protocol = protocol_by_name(SHORT.protocol)
    known = draw_budget(SHORT.budget, protocol, store.clips, split_store(protocol, store).train, 0)
    secret = ~np.isin(store.clips.id, known.ids)
    label = np.where(secret, np.arange(len(store)) % 5 - 1, store.clips.label)
    other = replace(store, clips=replace(store.clips, label=label))
    objective = replace(SHORT.objective, pseudo_label=1.0)
    config = replace(SHORT, method=method, objective=objective, epochs=6, teach_after=0.7, spread=0.5, doubt=1.0)
    for name, data in (("true", store), ("changed", other)):
        start_run(data, config, tmp_path / name, known, "cpu").run()
    first, second = (load_file(tmp_path / run / "last.safetensors") for run in ("true", "changed"))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert (tmp_path / "true" / "metrics.jsonl").read_text() == (tmp_path / "changed" / "metrics.jsonl").read_text()


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
