import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from psp.errors import BudgetError, ConfigError, TrainingError
from psp.train import loop, state
from psp.train.log import read_lines
from psp.train.optim import OptimConfig
from psp.train.run import RunFolder
from psp.train.train import resume_run, start_run
from runs import SMALL_RUN as CONFIG
from stores import small_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("loop") / "store")


@pytest.fixture(scope="module")
def straight(store, tmp_path_factory):
    """A run that nothing interrupted."""
    trainer = start_run(store, CONFIG, tmp_path_factory.mktemp("straight") / "run", device="cpu")
    assert trainer.run(checkpoint_seconds=1e9) is None
    return trainer.folder


def same(first: RunFolder, second: RunFolder) -> bool:
    weights = all(
        torch.equal(value, load_file(second.weights(kind))[name])
        for kind in ("last", "average")
        for name, value in load_file(first.weights(kind)).items()
    )
    return weights and first.metrics.read_bytes() == second.metrics.read_bytes()


class Killed(BaseException):
    """Stands for a SIGKILL: nothing after it is executed."""


def killed_at(folder: RunFolder, step: int, save_every_step: bool) -> None:
    """Continue a run and let it die right after a step, its files as they happen to be."""

    def on_step(progress) -> None:
        if progress.step == step:
            raise Killed

    with pytest.raises(Killed):
        resume_run(folder.path, device="cpu").run(on_step, checkpoint_seconds=0 if save_every_step else 1e9)


def test_the_loss_goes_down_and_only_budgeted_labels_are_used(straight):
    lines = read_lines(straight.metrics)
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    assert {"recognition", "contrast body", "contrast part", "contrast joint"} <= set(lines[0])
    assert lines[-1]["objective"] < lines[0]["objective"]
    result = json.loads(straight.result.read_text())
    assert result["labels used"] == result["budget"]["labels"] == 8
    assert result["labelled clips"] == json.loads(straight.budget.read_text())["ids"]
    assert result["config hash"] == CONFIG.hash


@pytest.mark.parametrize("save_every_step", [True, False])
def test_a_killed_run_resumes_exactly(store, straight, tmp_path, save_every_step):
    folder = start_run(store, CONFIG, tmp_path / "run", device="cpu").folder
    for step in (2, 5, 6):
        killed_at(folder, step, save_every_step)
    assert resume_run(folder.path, device="cpu").run() is None
    assert same(straight, folder)


def test_a_kill_while_saving_loses_nothing(store, straight, tmp_path):
    folder = start_run(store, CONFIG, tmp_path / "run", device="cpu").folder
    killed_at(folder, 4, save_every_step=True)
    torn = folder.checkpoints / "000000009"
    torn.mkdir()
    (torn / "state.safetensors").write_bytes(b"half of a checkp")
    (folder.checkpoints / ".writing-000000005").mkdir()
    assert resume_run(folder.path, device="cpu").run() is None
    assert same(straight, folder)


@pytest.mark.parametrize("moment", ["tensors written", "old place removed", "before forgetting"])
def test_a_kill_at_any_moment_of_saving_loses_nothing(store, straight, tmp_path, monkeypatch, moment):
    folder = start_run(store, CONFIG, tmp_path / "run", device="cpu").folder
    killed_at(folder, 4, save_every_step=True)

    def die(*_: object) -> None:
        monkeypatch.setattr(state.shutil, "rmtree", lambda *_, **__: None)  # a killed process does not tidy up
        raise Killed

    with monkeypatch.context() as patched:
        if moment == "tensors written":
            write = state._write
            patched.setattr(
                state, "_write", lambda path, content: (die if "facts" in path.name else write)(path, content)
            )
        elif moment == "old place removed":
            patched.setattr(state.Path, "rename", die)
        else:
            patched.setattr(state, "_forget_others", die)
        with pytest.raises(Killed):
            resume_run(folder.path, device="cpu").run()
    monkeypatch.undo()
    assert (moment == "before forgetting") != any(folder.checkpoints.glob(".writing-*"))
    assert resume_run(folder.path, device="cpu").run() is None
    assert same(straight, folder)
    assert len(list(folder.checkpoints.iterdir())) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_the_run_goes_on(store, straight, tmp_path, number):
    def on_step(progress) -> None:
        if progress.step == 3:
            os.kill(os.getpid(), number)

    trainer = start_run(store, CONFIG, tmp_path / "run", device="cpu")
    assert trainer.run(on_step, checkpoint_seconds=1e9) == number
    assert not trainer.folder.result.exists()
    again = resume_run(trainer.folder.path, device="cpu")
    assert again.run() is None
    assert same(straight, again.folder)


def test_a_run_that_moved_names_every_machine(store, tmp_path, monkeypatch):
    trainer = start_run(store, CONFIG, tmp_path / "run", device="cpu")
    killed_at(trainer.folder, 3, save_every_step=True)
    here = loop.provenance(torch.device("cpu"), CONFIG.precision, compiled=False)
    there = here | {"device": here["device"] | {"name": "elsewhere"}}

    def die(*_) -> None:
        raise Killed

    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(loop, "provenance", lambda *_: there)
        elsewhere.setattr(loop, "write_result", die)
        with pytest.raises(Killed):
            resume_run(tmp_path / "run", device="cpu").run()
    assert resume_run(tmp_path / "run", device="cpu").run() is None  # what was left to do is no training
    result = json.loads(trainer.folder.result.read_text())
    assert result["device"]["name"] == "elsewhere"
    assert result["earlier machines"] == [here]


def test_a_real_sigkill(store, straight, tmp_path):
    folder = start_run(store, CONFIG, tmp_path / "run", device="cpu").folder
    program = """
    import os, signal, sys
    from pathlib import Path
    from psp.train.train import resume_run
    def on_step(progress):
        if progress.step == 4:
            os.kill(os.getpid(), signal.SIGKILL)
    resume_run(Path(sys.argv[1]), device="cpu").run(on_step, checkpoint_seconds=0)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(folder.path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not folder.result.exists()
    assert resume_run(folder.path, device="cpu").run() is None
    assert same(straight, folder)


def test_resuming_a_finished_run_changes_nothing(straight):
    files = [straight.metrics, straight.result, straight.weights("last"), straight.weights("average")]
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    assert resume_run(straight.path, device="cpu").run() is None
    assert straight.metrics.read_bytes() == before[0][0]
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files[1:]] == before[1:]


def test_another_seed_is_another_run(store, straight, tmp_path):
    trainer = start_run(store, replace(CONFIG, seed=1), tmp_path / "run", device="cpu")
    trainer.run()
    assert not same(straight, trainer.folder)


def test_a_loss_that_is_not_finite_stops_before_the_step(store, tmp_path):
    config = replace(CONFIG, optim=OptimConfig("sgd", 1e30, warmup=0.0))
    trainer = start_run(store, config, tmp_path / "run", device="cpu")
    with pytest.raises(TrainingError, match=r"clip0.* checkpoint of step 0 is kept"):
        trainer.run(checkpoint_seconds=1e9)
    assert all(value.isfinite().all() for value in trainer.network.parameters())
    listed = json.loads((tmp_path / "run" / "non-finite.json").read_text())
    assert len(listed["clips"]) == 12
    assert list((tmp_path / "run" / "checkpoints").iterdir())


def test_a_loss_noticed_late_names_the_clips_of_its_own_step(store, tmp_path, monkeypatch):
    trainer = start_run(store, replace(CONFIG, log_every=5), tmp_path / "run", device="cpu")
    draw, weights = trainer._draw_batches, []

    def spoilt(step):
        batches = draw(step)
        weights.append([weight.detach().clone() for weight in trainer.network.parameters()])
        if step == 2:
            batches[1].views["motion"][1] = torch.nan
        return batches

    monkeypatch.setattr(trainer, "_draw_batches", spoilt)
    guilty = store.clips.id[trainer.unlabelled.draw(2).clips[1]]
    with pytest.raises(TrainingError, match=f"loss of step 3 is not finite; clips: {guilty}.* step 0 is kept"):
        trainer.run(checkpoint_seconds=1e9)
    assert trainer.step == 5
    assert all(torch.equal(now, then) for now, then in zip(trainer.network.parameters(), weights[2], strict=True))
    assert read_lines(trainer.folder.metrics) == []


def test_steps_are_shown_one_by_one_and_read_now_and_then(store, tmp_path):
    trainer, shown = start_run(store, replace(CONFIG, log_every=4), tmp_path / "run", device="cpu"), []
    assert trainer.run(shown.append) is None
    assert [progress.step for progress in shown] == list(range(1, trainer.steps + 1))
    lines = {line["step"]: line["objective"] for line in read_lines(trainer.folder.metrics)}
    assert list(lines) == sorted({*range(4, trainer.steps + 1, 4), trainer.steps})
    assert [progress.objective for progress in shown if progress.step in lines] == list(lines.values())
    assert shown[1].objective == shown[0].objective


def test_a_label_outside_the_budget_is_refused(store, tmp_path):
    trainer = start_run(store, CONFIG, tmp_path / "run", device="cpu")
    outside = torch.from_numpy(trainer.unlabelled_clips[:1])
    with pytest.raises(BudgetError, match="not in the budget"):
        trainer.ledger.note(outside)


def test_supervised_training_never_draws_unlabelled_clips(store, tmp_path):
    trainer = start_run(store, replace(CONFIG, method="supervised"), tmp_path / "run", device="cpu")
    assert trainer._draw_batches(0)[1] is None
    assert trainer.run() is None


def test_an_existing_run_is_not_overwritten(store, straight):
    with pytest.raises(ConfigError, match="--resume"):
        start_run(store, CONFIG, straight.path)


def test_two_ranks_train_one_network(store, tmp_path):
    program = """
    import sys
    from pathlib import Path
    import torch
    from psp.model.across_ranks import of_every_rank
    from psp.train.train import resume_run
    trainer = resume_run(Path(sys.argv[1]), device="cpu")
    trainer.run(checkpoint_seconds=0)
    weights = torch.cat([weight.flatten() for weight in trainer.network.parameters()])
    others = of_every_rank(weights)
    assert torch.equal(others[0], others[1])
    trainer.ranks.wait()
    """
    folder = start_run(store, CONFIG, tmp_path / "run", device="cpu").folder
    (tmp_path / "program.py").write_text(textwrap.dedent(program))
    ranks = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [sys.executable, *ranks, str(tmp_path / "program.py"), str(folder.path)]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=120)
    lines = read_lines(folder.metrics)
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    assert json.loads(folder.result.read_text())["labels used"] == 8
