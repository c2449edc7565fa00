import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from experiments import SMALL, long_runs
from psp.errors import CheckpointError
from psp.files import destination_lock
from psp.reproduce.experiment import Scope, plan
from psp.reproduce.results import RUNS, read_lines, read_results, write_lines
from psp.reproduce.runner import (
    EPOCHS_FILE,
    Outcome,
    RunnerConfig,
    _attempt,
    default_jobs,
    make_result,
    pending,
    run_all,
)
from psp.train import run as train_run
from psp.train.api import make_task, start_run
from psp.train.logging import read_lines as read_log
from psp.train.run_folder import RunFolder
from runs import small_run, with_stage
from stores import small_store

PROGRAM = """
import sys
from pathlib import Path
from experiments import long_runs
from psp.dataset.store import open_store
from psp.reproduce.runner import RunnerConfig, pending, run_all

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    config = RunnerConfig(folder / "runs", folder / "results", "cpu", int(sys.argv[2]))
    runs = pending(long_runs(open_store(folder / "store")), config)
    print(run_all(runs, "small", config, lambda done, total, note: None).finished)
"""


@pytest.fixture
def store(tmp_path):
    return small_store(tmp_path / "store")


def ignore(done: int, total: int, note: str) -> None:
    pass


def test_what_has_a_result_is_not_run_again(store, tmp_path):
    config = RunnerConfig(tmp_path / "runs", tmp_path / "results", "cpu", 1)
    planned = plan(SMALL, [store], Scope(quick=True))
    shown = []
    assert run_all(pending(planned, config), "small", config, lambda *seen: shown.append(seen)).finished == 2
    assert shown[-1][:2] == (2, 2)
    assert len(read_results(config.results)) == 2
    assert pending(planned, config) == []
    changed = [replace(run, config=with_stage(run.config, epochs=2)) for run in planned]
    assert pending([*planned, *changed], config) == changed
    assert pending(planned, replace(config, every_epoch=True)) == planned
    assert pending(planned, replace(config, runs=tmp_path / "elsewhere")) == []
    assert pending(planned, replace(config, runs=tmp_path / "elsewhere"), weights=True) == planned
    assert pending(planned, config, weights=True) == []


def test_equal_runs_of_two_columns_are_run_once(store, tmp_path):
    planned = plan(SMALL, [store], Scope(quick=True))
    assert len(pending([*planned, *planned], RunnerConfig(tmp_path, tmp_path, "cpu"))) == 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_time_that_is_up_ends_it_before_the_first_run(store, tmp_path, jobs):
    config = RunnerConfig(tmp_path / "runs", tmp_path / "results", "cpu", jobs, minutes=0)
    assert run_all(plan(SMALL, [store], Scope(quick=True)), "small", config, ignore).finished == 0
    assert not config.results.exists()
    assert not config.runs.exists()


def test_a_run_that_is_not_begun_when_it_is_to_stop_stays_so(store, tmp_path):
    config, (run, *_) = (
        RunnerConfig(tmp_path / "runs", tmp_path / "results", "cpu", 1),
        plan(SMALL, [store], Scope(quick=True)),
    )
    assert _attempt(run, config, "small", lambda: True) == (run.name, signal.SIGINT)
    assert not config.runs.exists()


def test_a_run_that_fails_keeps_no_other_from_being_run_and_side_by_side_gives_the_same_results(store, tmp_path):
    first, second = plan(SMALL, [store], Scope(quick=True))
    task, found = make_task(store, first.budget, first.column.split), []
    for jobs in (1, 2):
        config = RunnerConfig(tmp_path / f"runs{jobs}", tmp_path / f"results{jobs}", "cpu", jobs)
        start_run(task, first.config, first.folder(config.runs), "cpu")
        with destination_lock(first.folder(config.runs)):
            outcome = run_all([first, second], "small", config, ignore)
        assert outcome.finished == 1
        assert list(read_results(config.results)) == [second.key]
        assert list(outcome.failed) == [first.name]
        assert "another process" in str(outcome.failed[first.name])
        assert run_all(pending([first, second], config), "small", config, ignore) == Outcome(1, {})
        found.append({key: result.top1 for key, result in read_results(config.results).items()})
    assert found[0] == found[1]


def test_on_a_cpu_one_run_at_a_time():
    assert default_jobs("cpu") == 1


def lines_of_logs(folder: Path) -> int:
    return sum(path.read_text().count("\n") for path in folder.glob("runs/*/metrics.jsonl"))


def start(folder: Path, jobs: int, **options: bool) -> subprocess.Popen[str]:
    (folder / "program.py").write_text(PROGRAM)
    tests = Path(__file__).resolve().parents[1]
    environment = {**os.environ, "PYTHONPATH": str(tests)}
    command = [sys.executable, str(folder / "program.py"), str(folder), str(jobs)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.mark.slow
@pytest.mark.parametrize(("jobs", "number"), [(1, signal.SIGTERM), (2, signal.SIGINT), (2, signal.SIGKILL)])
def test_an_interrupted_experiment_continues(store, tmp_path, jobs, number):
    process = start(tmp_path, jobs)
    while not list(tmp_path.glob("runs/*/checkpoints/*")) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(number)
    said, _ = process.communicate(timeout=300)
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 0
        assert int(said) == len(read_results(tmp_path / "results")) < 3
    config = RunnerConfig(tmp_path / "runs", tmp_path / "results", "cpu", 1)
    left = 3 - len(read_results(config.results))
    runs = long_runs(store)
    assert run_all(pending(runs, config), "small", config, ignore) == Outcome(left, {})
    results = read_results(config.results)
    assert set(results) == {run.key for run in runs}
    assert {result.epochs for result in results.values()} == {20}


def children(process: subprocess.Popen[str]) -> list[str]:
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="/proc, which knows the children, is Linux only")
def test_ctrl_c_of_a_terminal_reaches_processes_that_are_just_starting_too(store, tmp_path):
    process = start(tmp_path, 2, start_new_session=True)
    while len(children(process)) < 3 and process.poll() is None:  # both workers, and Python's resource tracker
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    said, complaints = process.communicate(timeout=300)
    assert (process.returncode, said) == (0, "0\n")
    assert "Traceback" not in complaints


def test_an_edited_run_is_refused(store, tmp_path):
    config = RunnerConfig(tmp_path / "runs", tmp_path / "results", "cpu", 1)
    (run, *_) = plan(SMALL, [store], Scope(quick=True))
    run_all([run], "small", config, ignore)
    (file,) = tmp_path.glob("runs/*/config.json")
    file.write_text(file.read_text().replace('"epochs": 1', '"epochs": 2'))
    (config.results / RUNS).unlink()
    failed = run_all([run], "small", config, ignore).failed
    assert isinstance(failed[run.name], CheckpointError)
    assert "was edited" in str(failed[run.name])


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    return plan(SMALL, [small_store(tmp_path_factory.mktemp("run-one") / "store")], Scope())[1]


class After:
    """Says from a certain number of steps on that it is time to stop."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def never() -> bool:
    return False


def test_a_run_that_was_stopped_continues_to_the_same_result(planned, tmp_path):
    whole, pieces = (RunnerConfig(tmp_path / name, tmp_path / name / "results", "cpu") for name in ("whole", "pieces"))
    assert make_result(planned, whole, "small", never) is None
    stops = 0
    while make_result(planned, pieces, "small", After(1)):
        stops += 1
        assert not pieces.results.exists()
    assert stops == 2
    logs = [read_log(RunFolder(planned.folder(config.runs)).metrics) for config in (whole, pieces)]
    assert [line["step"] for line in logs[0]] == [1, 2, 3, 4, 5, 6]
    assert logs[0] == logs[1]
    assert read_results(whole.results)[planned.key].top1 == read_results(pieces.results)[planned.key].top1


def test_a_finished_run_is_evaluated_again_and_not_trained(planned, tmp_path):
    config, steps = RunnerConfig(tmp_path, tmp_path / "results", "cpu"), []
    assert make_result(planned, config, "x", never, steps.append) is None
    assert steps
    first, taken = read_lines(config.results), len(steps)
    write_lines(config.results, [])
    assert make_result(planned, config, "x", never, steps.append) is None
    assert len(steps) == taken
    assert read_lines(config.results) == first
    assert make_result(planned, config, "x", never) is None
    assert read_lines(config.results) == first


def test_the_best_epoch_is_told_apart_from_the_result(planned, tmp_path):
    config = RunnerConfig(tmp_path, tmp_path / "results", "cpu", every_epoch=True)
    while make_result(planned, config, "x", After(1)):
        assert not config.results.exists()
    (epochs_file,) = tmp_path.glob(f"*/{EPOCHS_FILE}")
    epochs = json.loads(epochs_file.read_text())
    assert [each["step"] for each in epochs] == [2, 4, 6]
    result = read_results(config.results)[planned.key]
    assert result.best_on_test == {"full": max(each["top1"]["full"] for each in epochs)}
    assert epochs[-1]["top1"]["full"] == result.top1["last"]["full"]


def test_epochs_of_pre_training_have_no_accuracy(planned, tmp_path):
    two_stages = replace(planned, config=small_run("moco", bank=16))
    config = RunnerConfig(tmp_path, tmp_path / "results", "cpu", every_epoch=True)
    assert make_result(two_stages, config, "x", never) is None
    (epochs_file,) = tmp_path.glob(f"*/{EPOCHS_FILE}")
    second = two_stages.config.last.epochs
    steps = [each["step"] for each in json.loads(epochs_file.read_text())]
    assert len(steps) == second
    assert steps[-1] == json.loads(epochs_file.with_name("result.json").read_text())["steps"]


@pytest.mark.parametrize("wanted", [True, False])
def test_the_encoders_are_compiled_where_that_is_wanted(planned, tmp_path, monkeypatch, wanted):
    compiled = []
    monkeypatch.setattr(train_run, "compile_encoders", lambda method: bool(compiled.append(method)))
    assert make_result(planned, RunnerConfig(tmp_path, tmp_path / "results", "cpu", compile=wanted), "x", never) is None
    assert len(compiled) == wanted
