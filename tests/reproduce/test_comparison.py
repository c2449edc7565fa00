"""All systems in one harness: the same number of sample passes and conditions, the figures of the paper beside them."""

from dataclasses import replace

import numpy as np
import pytest

from psp.dataset.clip_table import ClipTable
from psp.errors import ConfigError
from psp.figures.cost import cost_figure, undominated
from psp.methods import METHODS
from psp.model.encoder import encoder_of_size
from psp.reproduce.clusters import cluster_labels
from psp.reproduce.comparison import (
    BASELINES,
    ENCODERS,
    PASSES,
    PER_MODALITY,
    SYSTEMS,
    THREE,
    TWO,
    best_of_each,
    common,
    with_all_systems,
)
from psp.reproduce.experiment import Scope, plan
from psp.reproduce.paper_tables import GRID, TABLE2, TABLE3, TABLE4
from psp.reproduce.passes import passes_of_stage
from psp.skeleton.catalogue import layout_by_name
from psp.train.api import make_task
from psp.train.presets import DataFacts
from stores import small_store

COLUMN, FACTS = TABLE3.columns[0], DataFacts(1018, 5, layout_by_name("kinect20"))
EVERY = {system.name: system for system in (*SYSTEMS, *BASELINES["best"])}
TUNED = {system.name: system for system in SYSTEMS}

PER_STEP = {
    "supervised": 16, "psp": 32, "fixmatch": 48, "vat": 16 * (1 + 1 / 3 + 2), "vat-entmin": 16 * 4, "moco": 16 * 4 / 3,
    "isc": 32 * 4 / 3, "byol": 32 * 4 / 3, "simclr": 32, "s4l": 48, "x-car": 64, "mean-teacher": 32 + 16 / 3,
    "longt-gan": 16 * 4 / 3, "ms2l": 48, "mamp": 16,
}  # fmt: skip


@pytest.mark.parametrize("name", PER_STEP)
def test_sample_passes_are_counted(name):
    """Sixteen labelled and unlabelled clips; passes without gradients count a third."""
    stage = common(COLUMN, FACTS, Scope(), EVERY[name]).stages[0]
    assert passes_of_stage(stage) == pytest.approx(PER_STEP[name])


@pytest.mark.parametrize("name", EVERY)
def test_common_runs_differ_only_in_the_objective_and_cost_the_same(name):
    config = common(COLUMN, FACTS, Scope(), EVERY[name])
    assert common(COLUMN, FACTS, Scope("light"), EVERY[name]) == config
    plain = common(COLUMN, FACTS, Scope(), EVERY["supervised"])
    total = sum(passes_of_stage(stage) * stage.epochs * stage.steps_per_epoch for stage in config.stages)
    assert total == pytest.approx(PASSES, rel=0.03)
    own = METHODS[EVERY[name].encoder_of or EVERY[name].method].own_encoder
    assert config.model == replace(plain.model, encoder=own or encoder_of_size("tiny"))
    assert (config.data, config.runtime, config.seed) == (plain.data, plain.runtime, plain.seed)
    for stage in config.stages:
        assert (stage.batch, stage.optim, stage.ema) == (plain.last.batch, plain.last.optim, plain.last.ema)
        assert stage.method.modalities == TWO
    assert METHODS[EVERY[name].method].trains_predictor == (len(config.stages) == 1)


@pytest.mark.parametrize("name", EVERY)
def test_best_runs_have_three_modalities_with_a_network_each(name):
    config = best_of_each(COLUMN, FACTS, Scope(), EVERY[name])
    assert config.model.networks == "own"
    wanted = THREE[:2] if name == "psp" else THREE
    assert all(stage.method.modalities == wanted for stage in config.stages)


@pytest.mark.parametrize("name", TUNED)
def test_the_grid_changes_one_option_of_a_system_and_halves_its_passes(name):
    system = EVERY[name]
    assert system.value in system.values
    rows = {value: next(row for row in GRID.rows if row.name == f"{name}-{value:g}") for value in system.values}
    configs = {value: row.make(GRID.columns[0], FACTS, Scope()) for value, row in rows.items()}
    assert {value: getattr(config.stages[0].method, system.option) for value, config in configs.items()} == {
        value: value for value in system.values
    }
    whole = common(COLUMN, FACTS, Scope(), system)
    for config in configs.values():
        stages = [
            replace(each, method=own.method, steps_per_epoch=own.steps_per_epoch)
            for each, own in zip(config.stages, whole.stages, strict=True)
        ]
        assert replace(config, stages=tuple(stages)) == whole
        passes = sum(passes_of_stage(stage) * stage.epochs * stage.steps_per_epoch for stage in config.stages)
        assert passes == pytest.approx(PASSES / 2, rel=0.05)


def test_every_encoder_has_the_supervised_baselines_of_a_protocol():
    encoders = {"", *(system.method for system in SYSTEMS if system.encoder is not None)}
    for protocol, plain in (("common", SYSTEMS[0]), ("best", SYSTEMS[0]), ("best", PER_MODALITY)):
        own = [each for each in (SYSTEMS[0], *BASELINES[protocol]) if each.method == plain.method]
        assert {each.encoder_of for each in own} == encoders
        assert all(replace(each, name="", title="", encoder_of="") == replace(plain, name="", title="") for each in own)


def test_in_best_the_fine_tuning_of_a_system_is_a_baseline_too():
    scope = Scope("tiny")
    whole = best_of_each(COLUMN, FACTS, scope, PER_MODALITY)
    for name in ("moco", "colorization"):
        config = best_of_each(COLUMN, FACTS, scope, EVERY[name])
        alone = EVERY.get(f"{PER_MODALITY.name}-{name}", PER_MODALITY)
        tuned = replace(config, stages=(replace(config.last, name=whole.last.name, initialise="scratch"),))
        assert tuned == best_of_each(COLUMN, FACTS, scope, alone)


def test_every_system_has_as_many_trials_on_the_training_views():
    assert len(GRID.rows) == len({row.name for row in GRID.rows}) == 3 * len(SYSTEMS)
    assert [column.split for column in GRID.columns] == ["nw-ucla-view1-to-view2"]


def test_every_system_of_the_papers_tables_has_a_row_in_both_protocols():
    for table in (TABLE2, TABLE3):
        rows = with_all_systems(table).rows
        for name, figures in table.others.items():
            found = [row for row in rows if row.paper == figures and figures]
            assert len(found) >= 2, name
    assert len({row.name for row in rows}) == len(rows) == 2 * len(EVERY) - len(ENCODERS)
    assert {system.method for system in EVERY.values()} >= set(METHODS)
    with pytest.raises(ConfigError, match="does not compare systems"):
        with_all_systems(TABLE4)


def test_a_system_that_chooses_its_labels_gets_as_many_without_reading_them(tmp_path):
    store = small_store(tmp_path / "store")
    task = make_task(store, "2/class", "synthetic-xsub")
    chosen = cluster_labels(task)
    assert len(chosen.ids) == len(task.labels.ids)
    assert set(chosen.ids) <= set(task.split.train)
    clips = store.clips
    label = np.roll(clips.label, 1)
    other = ClipTable.of(clips.id, label, clips.persons, clips.frames, dict(clips.columns))
    again = cluster_labels(replace(task, store=replace(store, clips=other)))
    assert again.ids == chosen.ids


def test_every_run_of_a_seed_has_the_same_labels_but_those_of_own_choice(tmp_path):
    store = small_store(tmp_path / "store")
    column = replace(COLUMN, split="synthetic-xsub", budget="2/class", seeds=1)
    runs = plan(replace(with_all_systems(TABLE3), columns=(column,)), [store], Scope())
    assert len(runs) == 2 * len(EVERY) - len(ENCODERS)
    budgets = {run.row.name: run.budget.hash for run in runs}
    assert len(set(budgets.values())) == 2
    assert [name for name, budget in budgets.items() if budget != budgets["common-supervised"]] == [
        "common-al-k", "best-al-k",
    ]  # fmt: skip
    assert len({run.key for run in runs}) == len(runs)


def test_the_figure_joins_points_that_no_other_beats():
    points = {"common-a": (1.0, 50.0), "common-b": (2.0, 40.0), "best-a": (3.0, 60.0), "best-c": (3.0, 55.0)}
    assert undominated(points.values()) == [(1.0, 50.0), (3.0, 60.0)]
    panels = cost_figure(points, "5 %").axes
    assert [axes.get_title() for axes in panels] == ["common", "best"]
    assert [[text.get_text() for text in axes.texts] for axes in panels] == [["a", "b"], ["a", "c"]]


def test_names_of_near_points_do_not_cover_each_other():
    points = {f"common-system-{number}": (1 + number / 100, 50 + number / 2) for number in range(8)}
    figure = cost_figure(points)
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 8
    assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[:number])


def test_long_names_stay_on_the_axes():
    names = [f"common-{'long' * 8}-{number}" for number in range(3)]
    points = dict(zip(names, [(1.0, 50.0), (10.0, 60.0), (100.0, 70.0)], strict=True))
    (axes,) = cost_figure(points).axes
    area = axes.get_window_extent()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert all(area.x0 <= box.x0 and box.x1 <= area.x1 for box in boxes)
