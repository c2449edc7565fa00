import csv
import io
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments import SMALL, hand_made
from psp.reproduce.experiment import Scope, plan
from psp.reproduce.table import BEST_ON_TEST, Table, paired_difference, pooled_deviation, summarise
from psp.reproduce.write_table import as_csv, markdown, write_table
from stores import small_store

FULL, CLEAN = ("average", "full"), ("average", "clean")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return plan(SMALL, [small_store(tmp_path_factory.mktemp("table") / "store")], Scope())


def results(runs, *wanted, **changes):
    """Hand-made results of some runs: supervised only reaches 50 and 52, PSP Learning 56 and 60."""
    full = {("labels", 0): 50.0, ("labels", 1): 52.0, ("psp", 0): 56.0, ("psp", 1): 60.0}
    chosen = [run for run in runs if run.column.name == "two" and (run.row.name, run.config.seed) in (wanted or full)]
    made = [hand_made(run.key, run.config.seed, full[run.row.name, run.config.seed], 40.0, **changes) for run in chosen]
    return {each.key: each for each in made}


def test_cells_hold_mean_and_deviation_beside_the_papers_figure(runs):
    table = Table(SMALL, runs, results(runs))
    labels, psp = table.rows
    assert str(table.cell(psp, table.columns[0], FULL)) == "58.0 ± 2.8 (60.0)"
    assert str(table.cell(labels, table.columns[0], ("last", "full"))) == "50.0 ± 1.4 (50.0)"
    assert str(table.cell(psp, table.columns[0], CLEAN)) == "40.0 ± 0.0"
    assert str(table.cell(psp, table.columns[1], FULL)) == "– (70.0)"


def test_a_cell_says_when_seeds_are_missing(runs):
    table = Table(SMALL, runs, results(runs, ("psp", 1)))
    assert str(table.cell(table.rows[1], table.columns[0], FULL)) == "60.0, 1 of 2 seeds (60.0)"


def test_differences_are_paired_by_seed(runs):
    """+6 and +8: mean 7, and with one degree of freedom half a width of 12.706."""
    table = Table(SMALL, runs, results(runs))
    assert str(table.difference(table.rows[1], "labels", table.columns[0], FULL)) == "+7.0 [-5.7, +19.7], n = 2"
    partly = Table(SMALL, runs, results(runs, ("psp", 1), ("labels", 0), ("labels", 1)))
    assert str(partly.difference(table.rows[1], "labels", table.columns[0], FULL)) == "+8.0, n = 1"
    assert table.difference(table.rows[1], "labels", table.columns[1], FULL) is None


def test_rows_state_their_conditions(runs):
    conditions = Table(SMALL, runs, results(runs)).conditions(SMALL.rows[1], FULL)
    assert conditions.size == "tiny, 1,234 parameters"
    assert (conditions.epochs, conditions.seeds, conditions.device) == ("16", "2/0", "2 CPU threads")
    assert (conditions.precision, conditions.minutes) == ("float32", "1.5/–")


def test_conditions_are_those_of_the_runs_behind_the_cells(runs):
    found = results(runs, ("psp", 0), ("psp", 1))
    watched = next(iter(found))
    found[watched] = replace(found[watched], best_on_test={"full": 99.0}, device="one GPU", size="full", seconds=300.0)
    table = Table(SMALL, runs, found)
    assert table.conditions(SMALL.rows[1], FULL).device == "one GPU; 2 CPU threads"
    best = table.conditions(SMALL.rows[1], (BEST_ON_TEST, "full"))
    assert (best.device, best.seeds, best.size) == ("one GPU", "1/0", "full, 1,234 parameters")
    assert (table.conditions(SMALL.rows[1], FULL).minutes, best.minutes) == ("1.5/–", "5.0/–")


def test_brackets_are_explained_where_there_are_any(runs):
    bare = replace(SMALL, others={}, rows=tuple(replace(row, paper={}) for row in SMALL.rows))
    for experiment, brackets in ((SMALL, True), (replace(SMALL, others={}), True), (bare, False)):
        text = markdown(Table(experiment, runs, results(runs)))
        assert ("In brackets" in text) == brackets == ("(60.0)" in text)
        assert ("systems that the paper compares" in text) == bool(experiment.others)


def test_the_best_epoch_has_a_column_of_its_own(runs):
    table = Table(SMALL, runs, results(runs, best_on_test={"full": 99.0}))
    assert table.measures[-1] == (BEST_ON_TEST, "full")
    assert str(table.cell(table.rows[1], table.columns[0], table.measures[-1])) == "99.0 ± 0.0 (60.0)"
    assert "## full test set, best epoch on it: not a result" in markdown(table)
    assert "99.0" not in markdown(Table(SMALL, runs, results(runs)))


def test_the_markdown_shows_all_of_it(runs):
    text = markdown(Table(SMALL, runs, results(runs)))
    lines = text.splitlines()
    assert lines[0] == "# A small table"
    assert "## full test set, average weights" in lines
    assert "## clean test set, last weights" in lines
    titles = "size | epochs | seeds | device | precision | minutes, fastest run"
    assert f"| system | 2 labels | 4 labels | {titles} |" in lines
    conditions = "tiny, 1,234 parameters | 16 | 2/0 | 2 CPU threads | float32 | 1.5/– |"
    assert f"| PSP Learning | 58.0 ± 2.8 (60.0) | – (70.0) | {conditions}" in lines
    assert text.count("| *theirs, as the paper reports* | 41.0 | – |") == 1
    assert "| PSP Learning | +7.0 [-5.7, +19.7], n = 2 | – | +0.0 [+0.0, +0.0], n = 2 | – |" in lines
    bars = [line.count("|") for line in lines if line.startswith("|")]
    assert len(set(bars)) <= 2


def test_markdown_and_csv_are_written(runs, tmp_path):
    table = Table(SMALL, runs, results(runs))
    paths = write_table(table, tmp_path / "results" / "small-tiny")
    assert [path.name for path in paths] == ["small-tiny.md", "small-tiny.csv"]
    assert paths[0].read_text(encoding="utf-8") == markdown(table)
    lines = list(csv.DictReader(io.StringIO(paths[1].read_text())))
    assert len(lines) == 2 * 4
    psp = next(line for line in lines if line["system"] == "psp" and line["test set"] == "full")
    shown = [psp[name] for name in ("mean", "n", "planned", "paper", "seconds, fastest run")]
    assert shown == ["58.0", "2", "2", "60.0", "90.0"]


def test_a_table_without_results_is_empty_and_not_an_error(runs):
    table = Table(SMALL, runs, {})
    assert as_csv(table) == "system\n"
    assert markdown(table).startswith("# A small table")


values = st.lists(st.floats(0, 100).map(lambda x: round(x, 3)), min_size=2, max_size=9)


def test_mean_and_deviation_in_closed_form():
    found = summarise([1.0, 2.0, 3.0, 4.0])
    assert found.mean == 2.5
    assert found.deviation == pytest.approx(math.sqrt(5 / 3))
    assert str(found) == "2.5 ± 1.3"
    assert str(summarise([61.26])) == "61.3"


def test_the_interval_of_two_pairs_in_closed_form():
    """With one degree of freedom t is Cauchy's, whose quantile is tan(pi (p - 1/2)); s / sqrt(2) of {0, 2} is 1."""
    found = paired_difference([5.0, 9.0], [5.0, 7.0])
    assert found.mean == 1
    assert found.interval == pytest.approx([1 - math.tan(math.pi * 0.475), 1 + math.tan(math.pi * 0.475)])
    assert str(found) == "+1.0 [-11.7, +13.7], n = 2"


def test_the_deviation_of_one_budget_is_pooled_over_systems():
    """Variances 2 (n = 2) and 1 (n = 3), weighted by n - 1; a system with one budget says nothing."""
    found = [paired_difference(ours, [0.0] * len(ours)) for ours in ([0.0, 2.0], [1.0, 2.0, 3.0], [40.0])]
    assert pooled_deviation([*found, None]) == pytest.approx(math.sqrt((1 * 2 + 2 * 1) / 3))
    assert pooled_deviation([found[2], None]) is None


@given(values, st.randoms())
def test_the_interval_is_that_of_a_paired_t_test(ours, random):
    others = [value + random.uniform(-5, 5) for value in ours]
    found = paired_difference(ours, others)
    expected = stats.ttest_rel(ours, others).confidence_interval(0.95)
    np.testing.assert_allclose(found.interval, [expected.low, expected.high], rtol=1e-6, atol=1e-6)


def test_one_pair_has_no_interval():
    assert str(paired_difference([3.0], [5.0])) == "-2.0, n = 1"
