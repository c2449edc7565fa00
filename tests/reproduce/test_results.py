import csv
import multiprocessing
from pathlib import Path

import pytest

from experiments import SMALL
from psp.errors import CheckpointError
from psp.report.compare import machine_names
from psp.reproduce.experiment import Scope, plan
from psp.reproduce.results import (
    RUNS,
    add_result,
    config_hash,
    read_configs,
    read_lines,
    read_results,
    results_of,
    stored_config,
    write_lines,
)
from psp.reproduce.runner import RunnerConfig, make_result
from psp.train.config import config_from_plain
from runs import SMALL_RUN
from stores import small_store


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("result")
    run = plan(SMALL, [small_store(folder / "store")], Scope())[1]
    config = RunnerConfig(folder / "runs", folder / "results", "cpu")
    assert make_result(run, config, "small", never) is None
    return run, folder / "results"


def copied(made, folder: Path, *changes: dict[str, str]) -> Path:
    """A table of changed copies of the line that was made."""
    write_lines(folder, [read_lines(made[1])[0] | each for each in changes])
    (folder / "configs.json").write_text((made[1] / "configs.json").read_text())
    return folder


def test_a_line_states_everything_that_it_rests_on(made):
    run, results = made
    (line,) = read_lines(results)
    expected = {
        "experiment": "small", "system": "psp", "column": "two", "split": "synthetic-xsub", "budget": "2/class",
        "budget seed": "0", "budget hash": run.budget.hash, "labels": "8", "seed": "0", "size": run.size, "epochs": "3",
        "config hash": run.config.hash, "store fingerprint": run.fingerprint, "device type": "cpu", "compiled": "False",
    }  # fmt: skip
    assert {name: line[name] for name in expected} == expected
    assert all(line[name] for name in ("seconds", "steps", "parameters", "torch", "numpy", "python", "split hash"))
    assert len(line["last full per class"].split(";")) == 4
    assert config_from_plain(stored_config(line, read_configs(results))) == run.config
    assert config_hash(line, read_configs(results)) == run.config.hash


def test_a_result_is_found_by_its_key(made):
    run, results = made
    found = read_results(results)
    assert list(found) == [run.key]
    result = found[run.key]
    assert 0 <= result.top1["average"]["full"] <= 100
    assert (result.epochs, result.size, result.best_on_test) == (3, run.size, None)
    assert results_of([run], found) == {("psp", "two"): [result]}


@pytest.mark.parametrize("watched_first", [True, False])
def test_of_a_training_that_was_watched_only_the_best_epoch_counts_beside_another(made, tmp_path, watched_first):
    watched = {"best epoch full top1": "99.0", "seconds": "1.0"}
    lines = [watched, {}] if watched_first else [{}, watched]
    (found,) = read_results(copied(made, tmp_path, *lines)).values()
    assert found.best_on_test == {"full": 99.0}
    assert found.seconds == float(read_lines(made[1])[0]["seconds"])


def test_a_file_that_is_no_table_is_refused(tmp_path):
    (tmp_path / "runs.csv").write_bytes(b"experiment,system\n\xff,psp\n")
    with pytest.raises(CheckpointError, match=r"no table of results .* Restore it"):
        read_results(tmp_path)
    (tmp_path / "runs.csv").write_text(f"experiment,noisy labels\nx,{'a ' * 100_000}\n")
    limit = csv.field_size_limit()
    assert len(read_lines(tmp_path)[0]["noisy labels"]) == 200_000
    assert csv.field_size_limit() == limit


def test_a_damaged_line_is_named(made, tmp_path):
    with pytest.raises(CheckpointError, match=r"runs\.csv, line 3"):
        read_results(copied(made, tmp_path, {}, {"seconds": "a while"}))
    with pytest.raises(CheckpointError, match=r"runs\.csv, line 2"):
        read_results(copied(made, tmp_path, {"config": "unknown", "config version": "1"}))


def test_no_folder_holds_no_results(tmp_path):
    assert read_results(tmp_path / "nothing") == {}


def test_a_new_column_is_empty_in_earlier_lines(made, tmp_path):
    folder = copied(made, tmp_path, {})
    add_result(folder, read_lines(folder)[0] | {"average clean top1": "12.5", "budget hash": "other"}, made[0].config)
    first, second = read_results(folder).values()
    assert "clean" not in first.top1["average"]
    assert second.top1["average"]["clean"] == 12.5
    with (folder / RUNS).open(newline="") as file:
        assert len({len(line) for line in csv.reader(file)}) == 1


def _add_some(folder: Path, line: dict[str, str], first: int) -> None:
    for number in range(first, first + 5):
        add_result(folder, line | {"budget hash": str(number)}, SMALL_RUN)


def test_two_processes_lose_no_result(made, tmp_path):
    line, context = read_lines(made[1])[0], multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_some, args=(tmp_path, line, first)) for first in (0, 5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(int(each["budget hash"]) for each in read_lines(tmp_path)) == list(range(10))


def test_a_run_that_moved_is_said_to_have():
    first, second = ({"type": "cuda", "name": name} for name in ("one card", "another"))
    assert machine_names({"device": second}) == "another"
    moved = {"device": second, "earlier machines": [{"device": first}, {"device": second}]}
    assert machine_names(moved) == "one card, then another"
