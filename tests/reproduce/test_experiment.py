import pickle
from dataclasses import replace

import pytest

from experiments import SMALL
from psp.dataset.build import prepare
from psp.dataset.store import open_store
from psp.errors import ConfigError
from psp.io.base import open_reader
from psp.preprocess.normalise import normalisation
from psp.reproduce.comparison import ENCODERS
from psp.reproduce.experiment import Row, Scope, plan
from psp.reproduce.paper_tables import EXPERIMENTS, experiment_by_name
from psp.reproduce.systems import psp_best
from psp.skeleton.catalogue import layout_by_name
from psp.train.presets import LARGE, DataFacts
from stores import small_store

FACTS = DataFacts(400, 5, layout_by_name("ntu25"))

CELLS = [
    pytest.param(row, column, id=f"{experiment.name}-{row.name}-{column.name}")
    for experiment in EXPERIMENTS.values()
    for row in experiment.rows
    for column in experiment.columns
]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("experiment") / "store")


def test_a_plan_holds_every_row_column_and_seed(store):
    runs = plan(SMALL, [store], Scope())
    names = [(run.row.name, run.column.name, run.config.seed) for run in runs]
    pairs = [("two", 0), ("two", 1), ("four", 0)]
    assert names == [(row, column, seed) for column, seed in pairs for row in ("labels", "psp")]
    assert all(run.config.seed == run.budget.seed for run in runs)
    assert all(run.column.budget == run.budget.spec for run in runs)
    assert len({run.key for run in runs}) == len({run.name for run in runs}) == 6


def test_the_rows_of_a_column_use_the_same_labels(store):
    runs = plan(SMALL, [store], Scope(seeds=3))
    assert len(runs) == 12
    for column in SMALL.columns:
        for seed in range(3):
            same = [run for run in runs if run.column == column and run.config.seed == seed]
            assert len({run.budget.hash for run in same}) == 1


def test_the_quick_version_has_few_steps_and_labels(store):
    runs = plan(SMALL, [store], Scope(quick=True))
    assert [run.row.name for run in runs] == ["labels", "psp"]
    stages = {(run.config.last.epochs, run.config.last.steps_per_epoch, run.budget.spec) for run in runs}
    assert stages == {(1, 2, "1/class")}
    assert {run.column.title for run in runs} == {"2 labels (here 1/class)"}


def test_the_quick_version_is_called_so_and_compares_to_nothing():
    quick = SMALL.in_scope(Scope(quick=True))
    assert quick.title == "A small table (quick version)"
    assert not quick.others
    assert not any(row.paper for row in quick.rows)
    assert quick.in_scope(Scope(quick=True)) is quick
    assert SMALL.in_scope(Scope()) is SMALL


def test_the_size_of_a_run_is_that_of_its_network(store):
    rows = tuple(row for row in EXPERIMENTS["table3"].rows if row.name in ("psp-text", "best"))
    fixed = replace(SMALL, rows=tuple(replace(row, columns=()) for row in rows))
    for size, expected in ((None, ("tiny", "light")), ("light", ("tiny", "light")), ("full", ("full", "full"))):
        found = {run.row.name: run.size for run in plan(fixed, [store], Scope(size))}
        assert (found["psp-text"], found["best"]) == expected


def test_a_row_may_have_some_columns_only(store):
    fixed = replace(SMALL, rows=(SMALL.rows[0], replace(SMALL.rows[1], columns=("four",))))
    found = {(run.row.name, run.column.name) for run in plan(fixed, [store], Scope())}
    assert found == {("labels", "two"), ("labels", "four"), ("psp", "four")}


def test_a_column_may_have_some_rows_only(store):
    fixed = replace(SMALL, columns=(SMALL.columns[0], replace(SMALL.columns[1], rows=("psp",))))
    found = {(run.row.name, run.column.name) for run in plan(fixed, [store], Scope())}
    assert found == {("labels", "two"), ("psp", "two"), ("psp", "four")}


@pytest.fixture(scope="module")
def authors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authors") / "store"
    reader = open_reader("synthetic", clips=40, seed=1)
    prepare(reader, folder, normalise=normalisation("authors", reader.layout), workers=1)
    return open_store(folder)


def test_rows_take_the_store_that_is_normalised_as_they_need(authors, tmp_path):
    prepare("synthetic", tmp_path / "plain", clips=40, seed=1, workers=1)
    plain = open_store(tmp_path / "plain")
    both = replace(SMALL, rows=(SMALL.rows[0], replace(SMALL.rows[1], authors=True)), columns=SMALL.columns[:1])
    found = {run.row.name: run.store for run in plan(both, [plain, authors], Scope())}
    assert found == {"labels": plain.path, "psp": authors.path}
    assert {run.row.name for run in plan(both, [plain], Scope())} == {"labels"}
    with pytest.raises(ConfigError, match="a second store"):
        plan(both, [plain, authors, authors], Scope())


def test_ablations_of_the_paper_need_the_authors_normalisation_where_views_are_turned(authors):
    table4 = EXPERIMENTS["table4"]
    needs = {column.name: table4.needs_authors(table4.rows[0], column, Scope()) for column in table4.columns}
    assert needs == {"nw-ucla": True, "synthetic": True, "ntu60": False}
    column = table4.columns[0]
    assert not table4.needs_authors(table4.rows[0], column, Scope(preset="best"))
    assert [row.name for row in EXPERIMENTS["table3"].rows if row.authors] == [
        "labels", "psp", "labels-authors", "psp-authors",
    ]  # fmt: skip


def test_runs_of_other_labels_lie_in_other_folders(store, tmp_path):
    run, *_ = plan(SMALL, [store], Scope())
    other = replace(run, budget=replace(run.budget, ids=run.budget.ids[1:]))
    assert other.config.hash == run.config.hash
    assert other.folder(tmp_path) != run.folder(tmp_path)


def test_a_run_of_other_clips_is_another_run(store, tmp_path):
    other = small_store(tmp_path / "other", clips=40)
    mine, theirs = plan(SMALL, [store], Scope())[0], plan(SMALL, [other], Scope())[0]
    assert mine.config.hash == theirs.config.hash
    assert mine.key != theirs.key
    assert mine.folder(tmp_path) != theirs.folder(tmp_path)


def test_stores_that_do_not_fit_are_refused(store):
    with pytest.raises(ConfigError, match="nw-ucla"):
        plan(EXPERIMENTS["table3"], [store], Scope())
    with pytest.raises(ConfigError, match="a second store"):
        plan(SMALL, [store, store], Scope())


def test_a_preset_is_refused_where_rows_name_their_own(store):
    with pytest.raises(ConfigError, match="a preset of its own"):
        plan(SMALL, [store], Scope(preset="best"))
    ablations = {name for name, each in EXPERIMENTS.items() if each.ablates}
    assert ablations == {"table4", "figure5", "figure6", "figure7", "figure8"}


def test_a_precision_is_that_of_every_system_and_in_the_name_of_the_table(store):
    runs = plan(SMALL, [store], Scope(precision="bf16"))
    assert {run.config.runtime.precision for run in runs} == {"bf16"}
    assert not {run.key for run in runs} & {run.key for run in plan(SMALL, [store], Scope())}
    assert SMALL.stem(Scope("full", precision="bf16")) == "small-full-bf16"


def test_the_papers_schedule_is_cut_and_that_of_best_is_not(store):
    rows = tuple(replace(row, columns=(), authors=False) for row in EXPERIMENTS["table3"].rows)
    runs = plan(replace(SMALL, rows=rows), [store], Scope(epochs=3, seeds=1))
    epochs = {run.row.name: run.config.last.epochs for run in runs}
    papers = ("labels", "psp", "labels-text", "psp-text", "labels-authors", "psp-authors")
    ours = ("supervised-best", "best", "best-made", "best-short", "supervised-best-short", "temporal-convolution")
    assert epochs == dict.fromkeys(papers, 3) | dict.fromkeys(ours, 20)
    columns = tuple(replace(column, large=("paper",)) for column in SMALL.columns)
    longer = plan(replace(SMALL, rows=rows, columns=columns), [store], Scope(epochs=200, seeds=1))
    found = {run.row.name: run.config.last.epochs for run in longer}
    assert (found["psp-text"], found["psp-authors"]) == (120, 200)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_rows_can_be_sent_to_other_processes(name: str):
    for row in EXPERIMENTS[name].rows:
        column, sent = EXPERIMENTS[name].columns[0], pickle.loads(pickle.dumps(row))
        assert sent.make(column, FACTS, Scope("light")) == row.make(column, FACTS, Scope("light"))


@pytest.mark.parametrize(("row", "column"), CELLS)
def test_every_cell_of_every_experiment_is_a_configuration(row, column):
    tiny, full = (row.make(column, FACTS, Scope(size=size)) for size in ("tiny", "full"))
    brings_encoder = any(row.name.startswith(f"{name}-") for name, _ in ENCODERS)
    assert (tiny == full) == (row.name in ("temporal-convolution", "best-made") or brings_encoder)
    assert column.facts_for("best", FACTS).is_large == column.dataset.startswith("ntu")


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_names_are_unique_and_figures_belong_to_columns(experiment):
    columns, rows = [column.name for column in experiment.columns], [row.name for row in experiment.rows]
    assert len(set(columns)) == len(columns)
    assert len(set(rows)) == len(rows)
    assert set(experiment.references) <= set(rows)
    for figures in [*experiment.others.values(), *(row.paper for row in experiment.rows)]:
        assert set(figures) <= set(columns)


@pytest.mark.parametrize("other", [{"quick": True}, {"preset": "best"}])
def test_epochs_are_refused_where_they_would_change_nothing(other):
    with pytest.raises(ConfigError, match="Leave one of them out"):
        Scope(epochs=3, **other)


@pytest.mark.parametrize("epochs", [3, 20, 900])
def test_epochs_that_shorten_no_run_are_refused(store, epochs):
    lasting = replace(SMALL, rows=(Row("best", "best", psp_best),))
    with pytest.raises(ConfigError, match="no run of small has a schedule"):
        plan(SMALL if epochs == 900 else lasting, [store], Scope(epochs=epochs))


def test_files_of_some_columns_name_them():
    assert SMALL.stem(Scope(), SMALL.columns) == "small"
    assert SMALL.stem(Scope(), SMALL.columns[1:]) == "small-four"
    assert SMALL.stem(Scope(quick=True), SMALL.columns[:1]) == "small-quick"


def test_files_of_another_scope_have_another_name():
    scopes = [
        Scope(),
        Scope(size="full"),
        Scope(size="tiny"),
        Scope(epochs=9),
        Scope(seeds=2),
        Scope(quick=True),
        Scope(preset="best"),
    ]
    scopes += [Scope(size="full", quick=True), Scope(precision="bf16")]
    assert len({SMALL.stem(scope) for scope in scopes}) == len(scopes)
    assert SMALL.stem(Scope(size="full", epochs=9)) == "small-full-9-epochs"


def test_an_unknown_experiment_is_named_with_the_nearest():
    assert experiment_by_name("table3").name == "table3"
    with pytest.raises(ConfigError, match="'table3'"):
        experiment_by_name("tabel3")
    with pytest.raises(ConfigError, match="figure7"):
        experiment_by_name("x")


def test_the_settings_of_a_column_do_not_depend_on_the_size_of_the_store():
    for column in (column for experiment in EXPERIMENTS.values() for column in experiment.columns):
        for preset in ("paper", "published", "best"):
            sizes = {column.facts_for(preset, replace(FACTS, clips=clips)).is_large for clips in (10, LARGE)}
            assert sizes == {preset in column.large}
