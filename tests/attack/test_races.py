"""Two commands on one place at the same moment: one does its work, the other changes nothing and says why."""

import json
import shutil
from dataclasses import replace

import pytest

from attack.attacks import FACTOR
from attack.races import evaluate_one, prepare_one, race, resume_one, train_one
from psp.dataset.check import check_store
from psp.dataset.store import open_store
from psp.train.api import make_task, start_run
from psp.train.run_folder import open_run
from runs import small_run, with_stage
from stores import small_store

RACES = min(50, 2 * FACTOR)
REFUSAL = ("another process writes here", "already exists")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("raced") / "store").path


@pytest.fixture(scope="module")
def straight(store):
    """The weights of a run that nothing disturbed."""
    train_one(store, store.parent / "straight", 0)
    return (store.parent / "straight" / "model.safetensors").read_bytes()


def winner(ends: list[str]) -> int:
    """Return which of two acts ended well; the other one must have been refused."""
    (won,) = [number for number, end in enumerate(ends) if not end]
    assert any(word in ends[1 - won] for word in REFUSAL), ends
    return won


def is_whole_run(path, seed: int) -> None:
    run = open_run(path)
    run.require_finished()
    assert (run.config.seed, json.loads(run.folder.result.read_text())["seed"]) == (seed, seed)


def is_whole_store(path, seed: int) -> None:
    store = open_store(path)
    check_store(store)
    assert f"seed={seed}" in store.manifest["source"]


@pytest.mark.parametrize("number", range(RACES))
def test_two_trainings_of_one_folder(store, tmp_path, number):
    won = winner(race([(train_one, (store, tmp_path / "run", seed)) for seed in (0, 1)]))
    is_whole_run(tmp_path / "run", won)


@pytest.mark.parametrize("number", range(RACES))
def test_two_preparations_of_one_store(tmp_path, number):
    won = winner(race([(prepare_one, (tmp_path / "store", seed)) for seed in (0, 1)]))
    is_whole_store(tmp_path / "store", won)
    assert not list(tmp_path.glob(".store.*ing"))


@pytest.mark.parametrize("number", range(RACES))
def test_a_preparation_and_a_training_of_one_folder(store, tmp_path, number):
    place = tmp_path / "place"
    won = winner(race([(prepare_one, (place, 0)), (train_one, (store, place, 1))]))
    (is_whole_store, is_whole_run)[won](place, won)


@pytest.mark.parametrize("number", range(RACES))
def test_two_resumptions_of_one_run(store, straight, tmp_path, number):
    config = replace(with_stage(small_run("supervised"), epochs=1), seed=0)
    start_run(make_task(store, "2/class", "synthetic-xsub"), config, tmp_path / "run", device="cpu")
    ends = race([(resume_one, (tmp_path / "run",))] * 2)
    assert all(not end or REFUSAL[0] in end for end in ends), ends
    assert "" in ends
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == straight


@pytest.mark.parametrize("number", range(RACES))
def test_an_evaluation_during_training(store, straight, tmp_path, number):
    ends = race([(train_one, (store, tmp_path / "run", 0)), (evaluate_one, (tmp_path / "run",))])
    assert ends == ["", ""]
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == straight
    shutil.rmtree(tmp_path / "run")
