import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from psp.reproduce.experiments import EXPERIMENTS
from psp.reproduce.result import FORMAT, read_results

from benchmarks import gpu_tables as tables
from experiments import SMALL
from stores import small_store


def test_what_one_call_finished_the_next_one_does_not_train_again(tmp_path, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "small", replace(SMALL, columns=SMALL.columns[1:]))
    store, results, bundle = small_store(tmp_path / "store").path, tmp_path / "results", tmp_path / "new.json"
    asked = ["fill", "small", "--store", str(store), "--results", str(results), "--bundle", str(bundle)]

    assert tables.main([*asked, "--settings", "--device", "cpu", "--jobs", "1", "--rows", "labels"]) == 0
    first = json.loads(bundle.read_text())
    assert len(first) == 1
    assert not results.exists()

    assert tables.main(["unpack", str(bundle), "--results", str(results)]) == 0
    assert len(read_results(results)) == 1
    assert tables.main([*asked, "--settings", "--device", "cpu", "--jobs", "1"]) == 0
    second = json.loads(bundle.read_text())
    assert len(second) == 1
    assert not set(second) & set(first)


def test_what_was_finished_comes_back_after_a_crash_and_a_stop_by_hand_ends_it(tmp_path, monkeypatch):
    store, bundle = small_store(tmp_path / "store").path, tmp_path / "new.json"
    asked = ["fill", "table3", "table4", "--store", str(store), "--results", str(tmp_path / "none")]
    called = []

    def finish_one(arguments):
        called.append(arguments[1])
        result = Path(arguments[arguments.index("--out") + 1]) / arguments[1] / "run.json"
        result.parent.mkdir()
        result.write_text(json.dumps({"format": FORMAT}))
        result.with_name("notes.json").write_text("[]")
        if arguments[1] == "table4":
            raise MemoryError
        return code

    monkeypatch.setattr("psp", finish_one)
    for code, expected in ((130, ["table3"]), (0, ["table3", "table4"])):
        called.clear()
        with pytest.raises(MemoryError) if code == 0 else nullcontext():
            assert tables.main([*asked, "--bundle", str(bundle)]) == 130
        assert called == expected
        assert list(json.loads(bundle.read_text())) == [f"{name}/run.json" for name in expected]


def test_without_time_nothing_is_trained_and_the_exit_code_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "small", SMALL)
    store, bundle = small_store(tmp_path / "store").path, tmp_path / "new.json"
    places = ["--store", str(store), "--results", str(tmp_path / "results"), "--bundle", str(bundle)]
    settings = ["--settings", "--device", "cpu", "--jobs", "1"]
    assert tables.main(["fill", "small", *places, "--minutes", "0", *settings]) == 130
    assert json.loads(bundle.read_text()) == {}
