import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from psp.reproduce.place import Place
from psp.reproduce.result import read_results
from psp.reproduce.run_all import Outcome, _attempt, default_jobs, pending, run_all
from psp.train.train import start_run

from experiments import SMALL
from psp.errors import CheckpointError
from psp.reproduce.experiment import Scope, plan
from psp.train.run import RunFolder, training_alone
from stores import small_store

PROGRAM = """
import sys
from pathlib import Path
from dataclasses import replace
from experiments import SMALL
from psp.dataset.store import open_store
from psp.reproduce.experiment import Scope, plan
from psp.reproduce.place import Place
from psp.reproduce.run_all import pending, run_all

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    planned = plan(SMALL, [open_store(folder / "store")], Scope())[:3]
    runs = [replace(run, config=replace(run.config, epochs=40)) for run in planned]
    place = Place(folder / "runs", folder / "results", "cpu", int(sys.argv[2]))
    print(run_all(pending(runs, place), "small", place, lambda done, total, note: None).finished)
"""


@pytest.fixture
def store(tmp_path):
    return small_store(tmp_path / "store")


def ignore(done: int, total: int, note: str) -> None:
    pass


def test_what_has_a_result_is_not_run_again(store, tmp_path):
    place = Place(tmp_path / "runs", tmp_path / "results", "cpu", 1)
    planned = plan(SMALL, [store], Scope(quick=True))
    shown = []
    assert run_all(pending(planned, place), "small", place, lambda *seen: shown.append(seen)).finished == 2
    assert shown[-1][:2] == (2, 2)
    assert len(read_results(place.results)) == 2
    assert pending(planned, place) == []
    changed = [replace(run, config=replace(run.config, epochs=2)) for run in planned]
    assert pending([*planned, *changed], place) == changed
    assert pending(planned, replace(place, every_epoch=True)) == planned
    assert pending(planned, replace(place, runs=tmp_path / "elsewhere")) == []
    assert pending(planned, replace(place, runs=tmp_path / "elsewhere"), weights=True) == planned
    assert pending(planned, place, weights=True) == []


def test_equal_runs_of_two_columns_are_run_once(store, tmp_path):
    planned = plan(SMALL, [store], Scope(quick=True))
    assert len(pending([*planned, *planned], Place(tmp_path, tmp_path, "cpu"))) == 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_time_that_is_up_ends_it_before_the_first_run(store, tmp_path, jobs):
    place = Place(tmp_path / "runs", tmp_path / "results", "cpu", jobs, minutes=0)
    assert run_all(plan(SMALL, [store], Scope(quick=True)), "small", place, ignore).finished == 0
    assert not place.results.exists()
    assert not place.runs.exists()


def test_a_run_that_is_not_begun_when_it_is_to_stop_stays_so(store, tmp_path):
    place, (run, *_) = Place(tmp_path / "runs", tmp_path / "results", "cpu", 1), plan(SMALL, [store], Scope(quick=True))
    assert _attempt(run, place, "small", lambda: True) == (run.name, signal.SIGINT)
    assert not place.runs.exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_fails_keeps_no_other_from_being_run(store, tmp_path, jobs):
    place = Place(tmp_path / "runs", tmp_path / "results", "cpu", jobs)
    first, second = plan(SMALL, [store], Scope(quick=True))
    start_run(store, first.config, first.folder(place.runs), first.budget, "cpu")
    with training_alone(RunFolder(first.folder(place.runs))):
        outcome = run_all([first, second], "small", place, ignore)
    assert outcome.finished == 1
    assert list(read_results(place.results)) == [second.key]
    assert list(outcome.failed) == [first.name]
    assert "another process" in str(outcome.failed[first.name])
    assert run_all(pending([first, second], place), "small", place, ignore) == Outcome(1, {})


def test_side_by_side_gives_the_results_of_one_after_the_other(store, tmp_path):
    planned = plan(SMALL, [store], Scope(quick=True))
    places = [Place(tmp_path / f"runs{jobs}", tmp_path / f"results{jobs}", "cpu", jobs) for jobs in (1, 2)]
    found = []
    for place in places:
        assert run_all(planned, "small", place, ignore) == Outcome(2, {})
        found.append({key: result.top1 for key, result in read_results(place.results).items()})
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


@pytest.mark.parametrize(("jobs", "number"), [(1, signal.SIGTERM), (2, signal.SIGINT), (2, signal.SIGKILL)])
def test_an_interrupted_experiment_goes_on(store, tmp_path, jobs, number):
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
    left = 3 - len(read_results(tmp_path / "results"))
    said, _ = start(tmp_path, jobs).communicate(timeout=300)
    assert int(said) == left
    results = read_results(tmp_path / "results")
    assert len(results) == 3
    assert {result.epochs for result in results.values()} == {40}


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
    place = Place(tmp_path / "runs", tmp_path / "results", "cpu", 1)
    (run, *_) = plan(SMALL, [store], Scope(quick=True))
    run_all([run], "small", place, ignore)
    (config,) = tmp_path.glob("runs/*/config.json")
    config.write_text(config.read_text().replace('"epochs": 1', '"epochs": 2'))
    next(place.results.glob("*/*.json")).unlink()
    failed = run_all([run], "small", place, ignore).failed
    assert isinstance(failed[run.name], CheckpointError)
    assert "was edited" in str(failed[run.name])
