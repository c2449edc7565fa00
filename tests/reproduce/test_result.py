import json

import pytest

from experiments import SMALL
from psp.errors import CheckpointError
from psp.reproduce.experiment import Scope, plan
from psp.reproduce.place import Place
from psp.reproduce.result import FORMAT, device_names, read_results, results_of
from psp.reproduce.run_one import make_result
from stores import small_store


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("result")
    run = plan(SMALL, [small_store(folder / "store")], Scope())[1]
    place = Place(folder / "runs", folder / "results", "cpu")
    assert make_result(run, place, place.results / "small" / f"{run.name}.json", never) is None
    return run, folder / "results"


def test_a_result_states_everything_that_it_rests_on(made):
    run, results = made
    content = json.loads((results / "small" / f"{run.name}.json").read_text())
    assert content["config hash"] == run.config.hash
    assert content["budget"] == {"spec": "2/class", "seed": 0, "hash": run.budget.hash, "labels": 8}
    assert content["labels used"] == len(run.budget.ids)
    assert content["store fingerprint"] == run.fingerprint
    assert content["config"]["epochs"] == run.config.epochs == 3
    assert {"seed", "seconds", "versions", "device", "parameters", "size"} <= set(content)
    assert set(content["accuracy"]) == {"average", "last"}
    assert "confusion" not in content["accuracy"]["last"]["full"]


def test_a_result_is_found_by_its_hashes_in_whatever_folder_it_lies(made):
    run, results = made
    (results / "elsewhere").mkdir()
    (results / "small" / f"{run.name}.json").rename(results / "elsewhere" / "any-name.json")
    (results / "elsewhere" / "other.json").write_text('{"format": "something else"}')
    (results / "elsewhere" / "list.json").write_text("[1, 2]")
    found = read_results(results)
    assert list(found) == [run.key]
    result = found[run.key]
    assert 0 <= result.top1["average"]["full"] <= 100
    assert (result.epochs, result.size, result.best_on_test) == (3, "tiny", None)
    assert results_of([run], found) == {("psp", "two"): [result]}


@pytest.mark.parametrize("name", ["a.json", "z.json"])
def test_of_a_training_that_was_watched_only_the_best_epoch_counts_beside_another(made, tmp_path, name):
    (path,) = (each for each in made[1].glob("*/*.json") if FORMAT in each.read_text())
    content = json.loads(path.read_text())
    watched = content | {"best epoch on the test set, not a result": {"full": 99.0}, "seconds": 1.0}
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / name).write_text(json.dumps(watched))
    (tmp_path / "table" / "middle.json").write_text(json.dumps(content))
    (found,) = read_results(tmp_path).values()
    assert found.best_on_test == {"full": 99.0}
    assert found.seconds == content["seconds"]


def test_a_damaged_result_is_named(tmp_path):
    (tmp_path / "small").mkdir()
    path = tmp_path / "small" / "damaged.json"
    for text in ('{"format": "psp-result-1"}', '{"format": '):
        path.write_text(text)
        with pytest.raises(CheckpointError, match=r"damaged\.json"):
            read_results(tmp_path)


def test_no_folder_holds_no_results(tmp_path):
    assert read_results(tmp_path / "nothing") == {}


def test_a_run_that_moved_is_said_to_have():
    first, second = ({"type": "cuda", "name": name} for name in ("one card", "another"))
    assert device_names({"device": second}) == "another"
    moved = {"device": second, "earlier machines": [{"device": first}, {"device": second}]}
    assert device_names(moved) == "one card, then another"
