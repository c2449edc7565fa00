import json

import pytest
from psp.reproduce.place import Place
from psp.reproduce.result import read_results
from psp.reproduce.run_one import EPOCHS_FILE, make_result
from psp.train.log import read_lines

from experiments import SMALL
from psp.reproduce.experiment import Scope, plan
from psp.train import loop
from psp.train.run import RunFolder
from stores import small_store


@pytest.fixture(scope="module")
def run(tmp_path_factory):
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


def test_a_run_that_was_stopped_goes_on_to_the_same_result(run, tmp_path):
    whole, pieces = (Place(tmp_path / name, tmp_path / name / "results", "cpu") for name in ("whole", "pieces"))
    assert make_result(run, whole, whole.results / "small/run.json", never) is None
    stops = 0
    while make_result(run, pieces, pieces.results / "small/run.json", After(1)):
        stops += 1
        assert not pieces.results.exists()
    assert stops == 2
    logs = [read_lines(RunFolder(run.folder(place.runs)).metrics) for place in (whole, pieces)]
    assert [line["step"] for line in logs[0]] == [1, 2, 3, 4, 5, 6]
    assert logs[0] == logs[1]
    assert read_results(whole.results)[run.key].top1 == read_results(pieces.results)[run.key].top1


def test_a_finished_run_is_evaluated_again_and_not_trained(run, tmp_path):
    place, path, steps = Place(tmp_path, tmp_path / "results", "cpu"), tmp_path / "results/x/run.json", []
    assert make_result(run, place, path, never, steps.append) is None
    assert steps
    first, taken = json.loads(path.read_text()), len(steps)
    path.unlink()
    assert make_result(run, place, path, never, steps.append) is None
    assert len(steps) == taken
    assert json.loads(path.read_text()) == first


def test_the_best_epoch_is_told_apart_from_the_result(run, tmp_path):
    path = tmp_path / "results/x/run.json"
    place = Place(tmp_path, tmp_path / "results", "cpu", every_epoch=True)
    while make_result(run, place, path, After(1)):
        assert not path.exists()
    (epochs_file,) = tmp_path.glob(f"*/{EPOCHS_FILE}")
    epochs = json.loads(epochs_file.read_text())
    assert [each["step"] for each in epochs] == [2, 4, 6]
    result = read_results(tmp_path / "results")[run.key]
    assert result.best_on_test == {"full": max(each["top1"]["full"] for each in epochs)}
    assert epochs[-1]["top1"]["full"] == result.top1["last"]["full"]


@pytest.mark.parametrize("wanted", [True, False])
def test_the_encoder_is_compiled_where_the_place_says_so(run, tmp_path, monkeypatch, wanted):
    compiled = []
    monkeypatch.setattr(loop, "compile_encoder", lambda network: compiled.append(network) or True)
    place = Place(tmp_path, tmp_path / "results", "cpu", compile=wanted)
    assert make_result(run, place, tmp_path / "results/x/run.json", never) is None
    assert len(compiled) == wanted
