import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from faults import KilledError, killed_at
from psp.batches.loader import Loader
from psp.errors import ConfigError, TrainingError
from psp.methods.base import Method
from psp.model.model_file import load_model
from psp.train import run as run_module
from psp.train.api import make_task, resume_run, start_run
from psp.train.checkpoint import load_checkpoint
from psp.train.config import TrainConfig
from psp.train.device import precision_on
from psp.train.logging import read_lines
from psp.train.optim import OptimConfig
from psp.train.run import Run
from psp.train.run_files import read_result
from psp.train.run_folder import RunFolder, provenance
from runs import SMALL_RUN as CONFIG
from runs import small_run, with_stage
from stores import small_store

MOCO = small_run("moco", bank=16)
QUICK = small_run("supervised")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return make_task(small_store(tmp_path_factory.mktemp("run") / "store"), "2/class", "synthetic-xsub")


@pytest.fixture(scope="module")
def straight(task, tmp_path_factory) -> dict[TrainConfig, RunFolder]:
    """Runs that nothing interrupted."""
    folder, found = tmp_path_factory.mktemp("straight"), {}
    for number, config in enumerate((CONFIG, MOCO, QUICK)):
        run = start_run(task, config, folder / str(number), device="cpu")
        assert run.train(checkpoint_seconds=1e9) is None
        found[config] = run.folder
    return found


def same(first: RunFolder, second: RunFolder) -> bool:
    weights = all(
        torch.equal(value, load_file(second.model(kind))[name])
        for kind in ("last", "average")
        for name, value in load_file(first.model(kind)).items()
    )
    return weights and first.metrics.read_bytes() == second.metrics.read_bytes()


def resumed(folder: RunFolder) -> Run:
    return resume_run(folder.path, device="cpu")


def killed_after(folder: RunFolder, stage: str, step: int, save_every_step: bool) -> None:
    """Continue a run and let it die right after a step of a stage, its files as they happen to be."""

    def die(progress) -> None:
        if (progress.stage, progress.step) == (stage, step):
            raise KilledError

    with pytest.raises(KilledError):
        resumed(folder).train(die, checkpoint_seconds=0 if save_every_step else 1e9)


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def test_the_loss_goes_down_and_the_result_says_what_was_used(task, straight):
    folder = straight[CONFIG]
    lines = read_lines(folder.metrics)
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    assert {"classification", "contrast body", "contrast part", "contrast joint", "accuracy"} <= set(lines[0])
    assert lines[-1]["loss"] < lines[0]["loss"]
    result = json.loads(folder.result.read_text())
    assert result["budget"] == {"spec": "2/class", "seed": 0, "hash": task.labels.hash, "labels": 8}
    assert result["split"] == {"name": "synthetic-xsub", "hash": task.split.hash}
    assert (result["config hash"], result["steps"]) == (CONFIG.hash, len(lines))
    model = load_model(folder.model())
    assert result["parameters"] == sum(weight.numel() for weight in model.predictor.parameters())


def test_a_run_that_is_killed_between_two_checkpoints_resumes_exactly(task, straight, tmp_path):
    folder = start_run(task, CONFIG, tmp_path / "run", device="cpu").folder
    for step, save_every_step in ((2, True), (5, False), (6, False)):
        killed_after(folder, "train", step, save_every_step)
    assert resumed(folder).train() is None
    assert same(straight[CONFIG], folder)


@pytest.mark.parametrize("save_every_step", [True, False])
def test_a_run_of_two_stages_resumes_in_both_and_between_them(task, straight, tmp_path, save_every_step):
    folder = start_run(task, MOCO, tmp_path / "run", device="cpu").folder
    last = Run(task, MOCO, None, "cpu").trainer.steps
    for stage, step in (("pretrain", 1), ("pretrain", last), ("finetune", 1), ("finetune", 4)):
        killed_after(folder, stage, step, save_every_step)
    assert resumed(folder).train() is None
    assert same(straight[MOCO], folder)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_run_resumes_at_the_boundary_of_its_stages(task, straight, tmp_path, monkeypatch, moment):
    folder = start_run(task, MOCO, tmp_path / "run", device="cpu").folder
    next_stage = Run._next_stage

    def die(run) -> None:
        if moment == "after":
            next_stage(run)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Run, "_next_stage", die)
        for _ in range(2):
            with pytest.raises(KilledError):
                resumed(folder).train(checkpoint_seconds=1e9)
    assert resumed(folder).train() is None
    assert same(straight[MOCO], folder)


def test_the_second_stage_starts_from_the_averaged_encoder_of_the_first(task, monkeypatch):
    next_stage, found = Run._next_stage, {}

    def note(run) -> None:
        trainer = run.trainer
        names = [name for name, part in trainer.method.named_modules() if part is trainer.method.backbone()]
        present = trainer.method.state_dict()
        found["averaged"] = {name: value.clone() for name, value in (present | trainer.ema.state).items()}
        found["last"] = {name: value.clone() for name, value in present.items()}
        next_stage(run)
        new = run.trainer.method.backbone().state_dict()
        found["new"] = {f"{names[0]}.{name}": value.clone() for name, value in new.items()}

    monkeypatch.setattr(Run, "_next_stage", note)
    Run(task, MOCO, None, "cpu").train(handle_signals=False)
    new = found["new"]
    assert len(new) > 10
    assert all(torch.equal(value, found["averaged"][name]) for name, value in new.items())
    assert any(not torch.equal(value, found["last"][name]) for name, value in new.items())


def test_the_log_names_the_stages_and_counts_all_steps(straight):
    lines = read_lines(straight[MOCO].metrics)
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    stages = [line["stage"] for line in lines]
    assert stages == sorted(stages, reverse=True)
    assert set(stages) == {"pretrain", "finetune"}
    assert json.loads(straight[MOCO].result.read_text())["steps"] == len(lines)
    assert "stage" not in read_lines(straight[CONFIG].metrics)[0]


@pytest.mark.parametrize("config", [QUICK, MOCO], ids=["one stage", "two stages"])
def test_up_to_three_kills_in_a_row_at_any_file_system_call(task, straight, tmp_path, config):
    """A run that saves after every step is killed at calls spread over all of it, and goes on each time."""
    folder = start_run(task, config, tmp_path / "run", device="cpu").folder
    seen, steps = 0, [0]
    for calls in (0, 4, 9, 13, 2, 6, 11, 17, 1, 3, 5, 8, 7, 12, 10):
        with killed_at(calls):
            try:
                resumed(folder).train(checkpoint_seconds=0)
            except KilledError:
                seen += 1
        found = load_checkpoint(folder.checkpoints)
        steps.append(found[1]["step"] if found else 0)
    assert seen > 5
    assert steps == sorted(steps)
    assert resumed(folder).train() is None
    assert same(straight[config], folder)
    assert len(list(folder.checkpoints.iterdir())) == 2


@pytest.mark.parametrize("finished", [True, False])
def test_a_resume_that_only_loads_writes_nothing(task, tmp_path, finished):
    folder = start_run(task, QUICK, tmp_path / "run", device="cpu").folder
    if finished:
        assert resumed(folder).train() is None
    else:
        killed_after(folder, "train", 3, save_every_step=True)
    (folder.checkpoints / ".writing-000000099").mkdir()
    before, names = contents(folder.checkpoints), sorted(path.name for path in folder.checkpoints.iterdir())

    def stop(progress) -> None:
        raise KilledError

    run = resumed(folder)
    if finished:
        everything = {name: content for name, (content, _) in contents(folder.path).items()}
        assert run.train(stop) is None
        assert {name: content for name, (content, _) in contents(folder.path).items()} == everything
    else:
        with pytest.raises(KilledError):
            run.train(stop, checkpoint_seconds=1e9)
    assert contents(folder.checkpoints) == before
    assert sorted(path.name for path in folder.checkpoints.iterdir()) == names


def test_resuming_a_finished_run_keeps_its_files(straight):
    folder = straight[CONFIG]
    files = [folder.result, folder.model("last"), folder.model()]
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    metrics = folder.metrics.read_bytes()
    assert resumed(folder).train() is None
    assert folder.metrics.read_bytes() == metrics
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before


@pytest.mark.parametrize("lost", [None, b"", b"{}"])
def test_resuming_a_finished_run_writes_what_is_lost_again(straight, tmp_path, lost):
    folder = RunFolder(tmp_path / "run")
    shutil.copytree(straight[CONFIG].path, folder.path)
    models, logs = (folder.model("last"), folder.model()), (folder.metrics.read_bytes(), folder.timing.read_bytes())
    before, result = [path.read_bytes() for path in models], read_result(folder.result)
    for path in (*models, folder.result):
        path.unlink()
        if lost is not None:
            path.write_bytes(lost)
    assert resumed(folder).train() is None
    assert [path.read_bytes() for path in models] == before
    assert read_result(folder.result) == result
    assert (folder.metrics.read_bytes(), folder.timing.read_bytes()) == logs


@pytest.mark.parametrize("at", ["last", "average", "result"])
def test_a_kill_while_finishing_is_made_up_for(task, straight, tmp_path, monkeypatch, at):
    folder = start_run(task, QUICK, tmp_path / "run", device="cpu").folder

    def die(*_) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        if at == "result":
            patch.setattr(run_module, "write_result", die)
        else:
            model = Run.model
            patch.setattr(Run, "model", lambda run, weights="average": die() if weights == at else model(run, weights))
        with pytest.raises(KilledError):
            resumed(folder).train()
    assert not folder.result.exists()
    assert resumed(folder).train() is None
    assert same(straight[QUICK], folder)
    assert folder.result.exists()


@pytest.mark.parametrize(("number", "config"), [(signal.SIGTERM, QUICK), (signal.SIGINT, MOCO)])
def test_a_signal_saves_and_the_run_goes_on(task, straight, tmp_path, number, config):
    def on_step(progress) -> None:
        if progress.step == 3 and progress.stage == config.last.name:
            os.kill(os.getpid(), number)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run = start_run(task, config, tmp_path / "run", device="cpu")
        assert run.train(on_step, checkpoint_seconds=1e9) == number
    finally:
        signal.signal(signal.SIGINT, before)
    assert not run.folder.result.exists()
    again = resumed(run.folder)
    assert again.train() is None
    assert same(straight[config], again.folder)


def test_a_signal_at_the_last_step_of_a_stage_ends_the_run_there(task, straight, tmp_path):
    run = start_run(task, MOCO, tmp_path / "run", device="cpu")

    def on_step(progress) -> None:
        if progress.step == progress.steps and progress.stage == "pretrain":
            os.kill(os.getpid(), signal.SIGTERM)

    assert run.train(on_step) == signal.SIGTERM
    assert run.number == 0
    assert resumed(run.folder).train() is None
    assert same(straight[MOCO], run.folder)


def process_state() -> tuple:
    """All but Python's random numbers, of which the tests' checks of types take some."""
    numbers = torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    flags = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.get_default_dtype()
    threads = torch.get_num_threads(), torch.get_num_interop_threads()
    return numbers, handlers, flags, threads, torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("handle_signals", [True, False])
def test_the_process_is_left_as_it_was(task, tmp_path, handle_signals):
    torch.rand(7)
    before = process_state()
    runtime = replace(MOCO.runtime, precision="tf32")
    run = start_run(task, replace(MOCO, runtime=runtime), tmp_path / "run", device="cpu")
    assert process_state() == before
    inside = []
    run.train(lambda now: inside.append(process_state()), handle_signals=handle_signals)
    assert process_state() == before
    assert all((state[1] == before[1]) != handle_signals for state in inside)
    resumed(run.folder).train(handle_signals=handle_signals)
    run.model()
    assert process_state() == before


def test_a_training_that_fails_leaves_the_process_as_it_was(task, tmp_path):
    def fail(progress) -> None:
        raise ZeroDivisionError

    before, run = process_state(), start_run(task, QUICK, tmp_path / "run", device="cpu")
    with pytest.raises(ZeroDivisionError):
        run.train(fail)
    assert process_state() == before
    assert resumed(run.folder).train() is None


def test_a_run_that_moved_names_every_machine(task, tmp_path, monkeypatch):
    folder = start_run(task, QUICK, tmp_path / "run", device="cpu").folder
    killed_after(folder, "train", 3, save_every_step=True)
    here = provenance(CPU, QUICK, False)
    there = here | {"device": here["device"] | {"name": "elsewhere"}}

    def die(*_) -> None:
        raise KilledError

    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(run_module, "provenance", lambda *_: there)
        elsewhere.setattr(run_module, "write_result", die)
        with pytest.raises(KilledError):
            resumed(folder).train()
    assert resumed(folder).train() is None  # what was left to do is no training
    result = json.loads(folder.result.read_text())
    assert result["device"]["name"] == "elsewhere"
    assert result["earlier machines"] == [here]
    assert result["precision"] == precision_on(CPU, QUICK.runtime.precision)


def test_a_real_sigkill(task, straight, tmp_path):
    """The program also finds Python's random numbers where it left them, without the tests' checks of types."""
    folder = start_run(task, QUICK, tmp_path / "run", device="cpu").folder
    program = """
    import os, random, signal, sys
    from psp.train.api import resume_run
    before = random.getstate()
    def on_step(progress):
        assert random.getstate() == before
        if progress.step == 4:
            os.kill(os.getpid(), signal.SIGKILL)
    resume_run(sys.argv[1], device="cpu").train(on_step, checkpoint_seconds=0)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(folder.path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not folder.result.exists()
    assert load_checkpoint(folder.checkpoints)[1]["step"] == 3
    assert resumed(folder).train() is None
    assert same(straight[QUICK], folder)


def test_another_seed_is_another_run(task, straight, tmp_path):
    run = start_run(task, replace(QUICK, seed=1), tmp_path / "run", device="cpu")
    run.train()
    assert not same(straight[QUICK], run.folder)


def test_a_loss_that_is_not_finite_stops_before_the_step(task, tmp_path):
    config = with_stage(CONFIG, optim=OptimConfig("sgd", 1e30, warmup=0.0))
    run = start_run(task, config, tmp_path / "run", device="cpu")
    with pytest.raises(TrainingError, match=r"clip0.* checkpoint of step 0 is kept"):
        run.train(checkpoint_seconds=1e9)
    assert all(value.isfinite().all() for value in run.trainer.method.parameters())
    listed = json.loads((tmp_path / "run" / "non-finite.json").read_text())
    assert len(listed["clips"]) == 12
    assert load_checkpoint(run.folder.checkpoints)[1]["step"] == 0


def test_a_loss_noticed_late_names_the_clips_of_its_own_step(task, tmp_path, monkeypatch):
    config = replace(CONFIG, runtime=replace(CONFIG.runtime, log_every=5))
    run = start_run(task, config, tmp_path / "run", device="cpu")
    loader, weights, guilty = run.trainer.loader, [], []
    step = loader.step

    def spoilt(number):
        batches = step(number)
        weights.append([weight.detach().clone() for weight in run.trainer.method.parameters()])
        if number == 2:
            batches["unlabelled"].sample.modalities["motion"][1] = torch.nan
            guilty.append(str(task.store.clips.id[batches["unlabelled"].index[1]]))
        return batches

    monkeypatch.setattr(loader, "step", spoilt)
    with pytest.raises(TrainingError, match=r"loss of step 3 is not finite; clips: (\w+).* step 0 is kept") as error:
        run.train(checkpoint_seconds=1e9)
    assert guilty[0] in str(error.value)
    assert run.trainer.step == 5
    assert all(torch.equal(*pair) for pair in zip(run.trainer.method.parameters(), weights[2], strict=True))
    assert read_lines(run.folder.metrics) == []


def test_a_loss_that_is_not_finite_in_a_second_stage_is_told_with_the_step_of_the_run(task, tmp_path, monkeypatch):
    step = Loader.step

    def spoilt(self, number):
        batches = step(self, number)
        if "labelled" in batches:
            batches["labelled"].sample.modalities["joint"][0] = torch.nan
        return batches

    monkeypatch.setattr(Loader, "step", spoilt)
    run = start_run(task, MOCO, tmp_path / "run", device="cpu")
    first = run.trainer.steps
    with pytest.raises(TrainingError, match=rf"step {first + 1} is not finite; .* step {first} is kept"):
        run.train(checkpoint_seconds=1e9)


def test_steps_are_shown_one_by_one_and_read_now_and_then(task, tmp_path):
    config, shown = replace(CONFIG, runtime=replace(CONFIG.runtime, log_every=4)), []
    run = start_run(task, config, tmp_path / "run", device="cpu")
    assert run.train(shown.append) is None
    steps = run.trainer.steps
    assert [progress.step for progress in shown] == list(range(1, steps + 1))
    lines = {line["step"]: line["loss"] for line in read_lines(run.folder.metrics)}
    assert list(lines) == sorted({*range(4, steps + 1, 4), steps})
    assert [progress.reading.loss for progress in shown if progress.step in lines] == list(lines.values())
    assert shown[1].reading == shown[0].reading


def test_epochs_are_shown_with_the_model_of_their_end(task):
    ends = []
    run = Run(task, QUICK, None, "cpu")
    run.train(on_epoch=lambda each: ends.append((each.trainer.step, each.model().predictor.training)))
    per_epoch = run.trainer.steps_per_epoch
    assert ends == [(per_epoch * epoch, False) for epoch in (1, 2, 3)]
    assert run.finished


def test_a_run_in_memory_writes_nothing(task, straight, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Run(task, QUICK, None, "cpu")
    assert run.train(checkpoint_seconds=0) is None
    assert list(tmp_path.iterdir()) == []
    wanted = load_model(straight[QUICK].model()).predictor.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in run.model().predictor.state_dict().items())


def test_pre_training_alone_has_no_model(task):
    run = Run(task, replace(MOCO, stages=MOCO.stages[:1]), None, "cpu")
    with pytest.raises(ConfigError, match="the method moco trains no predictor"):
        run.model()


def test_every_budgeted_label_and_no_other_reaches_the_method(task, monkeypatch):
    seen: list[torch.Tensor] = []
    step = Method.on_step_end
    monkeypatch.setattr(
        Method, "on_step_end", lambda method, context: (seen.append(context.labels), step(method, context))
    )
    run = Run(task, QUICK, None, "cpu")
    run.train(handle_signals=False)
    index = task.store.clips.indices_of(task.labels.ids)
    wanted = torch.full((len(task.store),), -1)
    wanted[index] = torch.from_numpy(task.store.clips.label[index])
    assert all(torch.equal(labels, wanted) for labels in seen)


@pytest.mark.slow
def test_torchrun_trains_one_network_on_two_ranks(task, tmp_path):
    program = """
    import sys
    import torch
    from psp.distributed import of_every_rank
    from psp.train.api import resume_run
    run = resume_run(sys.argv[1], device="cpu")
    run.train(checkpoint_seconds=0)
    weights = torch.cat([weight.flatten() for weight in run.trainer.method.parameters()])
    others = of_every_rank(weights)
    assert torch.equal(others[0], others[1])
    run.ranks.wait()
    """
    folder = start_run(task, MOCO, tmp_path / "run", device="cpu").folder
    (tmp_path / "program.py").write_text(textwrap.dedent(program))
    ranks = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [sys.executable, *ranks, str(tmp_path / "program.py"), str(folder.path)]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=200)
    lines = read_lines(folder.metrics)
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    assert json.loads(folder.result.read_text())["budget"]["labels"] == 8
