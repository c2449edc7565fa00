import json
from dataclasses import replace

import numpy as np
import pytest

from experiments import SMALL
from psp.evaluate.trained import open_trained
from psp.reproduce.drawings import chosen_classes, draw_attention, draw_costs, draw_features, shown_clips
from psp.reproduce.experiment import Scope, plan
from psp.reproduce.results import read_results
from psp.reproduce.runner import RunnerConfig, run_all, run_folders
from psp.reproduce.table import Table
from stores import small_store

QUICK = Scope(quick=True, seeds=2)
EXPERIMENT = replace(SMALL, rows=(replace(SMALL.rows[1], name="a3"), SMALL.rows[0])).in_scope(QUICK)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("draw")
    runs = plan(EXPERIMENT, [small_store(folder / "store")], QUICK)
    config = RunnerConfig(folder / "runs", folder / "results", "cpu")
    run_all(runs, "small", config, lambda done, total, note: None)
    return runs, Table(EXPERIMENT, runs, read_results(config.results)), config


def stem_in(folder):
    return lambda columns: folder / "-".join(["picture", *(column.name for column in columns)])


def test_runs_are_found_by_row_and_seed(made):
    runs, _, config = made
    found = run_folders(runs, "two", config.runs)
    expected = {(run.row.name, run.config.seed): run.folder(config.runs) for run in runs}
    assert {(row, seed): path for row, seeds in found.items() for seed, path in seeds.items()} == expected
    assert run_folders(runs, "two", config.runs / "elsewhere") == {}


def sorted_runs(made, row: str) -> list[str]:
    """The folders of a row's runs by seed."""
    runs, _, config = made
    chosen = sorted((run for run in runs if run.row.name == row), key=lambda run: run.config.seed)
    return [run.folder(config.runs).name for run in chosen]


def test_features_of_all_variants_are_drawn_and_measured(made, tmp_path):
    _, table, config = made
    paths = draw_features(table, config, stem_in(tmp_path))
    assert [path.name for path in paths] == [f"picture-two-features{kind}" for kind in (".png", ".json")]
    written = json.loads(paths[1].read_text())
    assert written["clips"] == 24
    measured = {(each["system"], each["seed"]) for each in written["separability"]}
    assert measured == {("labels", 0), ("labels", 1), ("a3", 0), ("a3", 1)}
    assert [each["run"] for each in written["separability"]] == [*sorted_runs(made, "a3"), *sorted_runs(made, "labels")]
    assert paths[0].stat().st_size > 5000


def test_attention_is_drawn_by_both_measures(made, tmp_path):
    _, table, config = made
    paths = draw_attention(table, config, stem_in(tmp_path))
    kinds = ["row.png", "apart.png", "attention.json"]
    assert [path.name for path in paths] == [f"picture-two-{kind}" for kind in kinds]
    found = json.loads(paths[-1].read_text())["importance and motion, Spearman"]
    assert found["clips"] == 24
    assert [each["run"] for each in found["by run"]] == sorted_runs(made, "a3")
    for each in found["by run"]:
        assert set(each["row"]) == set(each["apart"]) == {"body", "part", "joint"}
    assert all(path.exists() for path in paths)
    written = json.loads(paths[-1].read_text())
    assert list(written["share of saturated maps"]) == sorted_runs(made, "a3")
    assert all(0 <= share <= 1 for found in written["share of saturated maps"].values() for share in found.values())
    assert list(written["clips shown"].values()) == [f"class {number}" for number in range(4)]


def test_without_trained_runs_there_is_no_picture(made, tmp_path):
    _, table, config = made
    for draw in (draw_features, draw_attention):
        assert draw(table, replace(config, runs=tmp_path), stem_in(tmp_path)) == []
    assert not list(tmp_path.iterdir())


def test_one_test_clip_of_each_class_is_shown(made):
    runs, _, config = made
    trained = open_trained(runs[1].folder(config.runs), device="cpu")
    shown = shown_clips(trained)
    assert trained.store.clips.label[shown].tolist() == [0, 1, 2, 3]
    assert set(shown) <= set(trained.test_index())


def test_ten_of_many_classes_are_chosen_always_the_same():
    labels = np.repeat(np.arange(60), 3)
    chosen = chosen_classes(labels)
    assert len(set(chosen)) == 10
    assert chosen == sorted(chosen) == chosen_classes(labels[::-1])
    assert chosen_classes(labels[:15]) == [0, 1, 2, 3, 4]


def test_costs_are_drawn_of_label_budgets_at_which_every_system_has_a_result(made, tmp_path):
    runs, table, config = made
    assert [path.name for path in draw_costs(table, config, stem_in(tmp_path))] == ["picture-two-cost.png"]
    results = read_results(config.results)
    once = [run for run in runs if run.config.seed == 0 or run.row.name == "labels"]
    some = Table(EXPERIMENT, runs, {run.key: results[run.key] for run in once})
    assert len(draw_costs(some, config, stem_in(tmp_path))) == 1
    one = Table(EXPERIMENT, runs, {run.key: results[run.key] for run in runs if run.row.name == "labels"})
    assert draw_costs(one, config, stem_in(tmp_path)) == []
