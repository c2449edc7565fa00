from dataclasses import replace
from pathlib import Path

import pytest

from psp.batches.pipelines import PIPELINES
from psp.config.override import changes_from_file
from psp.methods.mean_teacher import MeanTeacherConfig
from psp.methods.psp import PSPConfig
from psp.methods.supervised import MultiStreamConfig, SupervisedConfig
from psp.model.encoder import encoder_of_size
from psp.reproduce.experiment import Column, Scope
from psp.reproduce.paper_tables import COLUMNS, EXPERIMENTS, FIGURE7, RECIPE, TABLE4
from psp.reproduce.systems import (
    psp_authors,
    psp_best,
    psp_best_short,
    psp_paper,
    psp_published,
    psp_turned,
    supervised_authors,
    supervised_best,
    supervised_best_short,
    supervised_paper,
    supervised_turned,
)
from psp.skeleton.catalogue import layout_by_name
from psp.train.config import TrainConfig, changed
from psp.train.presets import PRESETS, DataFacts

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
ROWS = {row.name: row for row in (*TABLE4.rows, *FIGURE7.rows)}
FILES = {
    "b2": "joint-level", "b3": "part-level", "b4": "body-level", "b5": "joint-and-part-level",
    "b6": "joint-and-body-level", "b7": "part-and-body-level", "a2": "without-ppa",
}  # fmt: skip

NW_UCLA, BUILT_IN, NTU = COLUMNS
FEW = DataFacts(1018, 5, layout_by_name("kinect20"))
MANY = replace(FEW, labels_per_class=15)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("column", [NTU, NW_UCLA], ids=["ntu60", "nw-ucla"])
def test_ablations_are_the_settings_of_the_configuration_files(name, preset, column):
    made = ROWS[name].make(column, FEW, Scope("tiny", preset=preset))
    assert made == changed(started_from(preset, column), changes_from_file(CONFIGS / f"{FILES[name]}.yaml"))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("column", [NTU, NW_UCLA], ids=["ntu60", "nw-ucla"])
def test_the_first_and_the_last_ablation_are_without_contrast_and_the_whole_system(preset, column):
    scope = Scope("tiny", preset=preset)
    first, whole = (ROWS[name].make(column, FEW, scope) for name in ("b1", "b8"))
    assert first == ROWS["a1"].make(column, FEW, scope)
    method = first.last.method
    assert isinstance(method, SupervisedConfig) or (isinstance(method, MeanTeacherConfig) and method.contrast == 0)
    assert whole == ROWS["a3"].make(column, FEW, scope) == started_from(preset, column)


def started_from(preset: str, column: Column) -> TrainConfig:
    """What ablations start from: turned views instead of preset paper, except on NTU RGB+D."""
    if preset == "paper" and column is not NTU:
        return psp_turned(column, FEW, Scope("tiny"))
    return PRESETS[preset](column.facts_for(preset, FEW), "tiny")


def test_turned_views_change_pipeline_and_length_of_the_paper_and_nothing_else():
    text, turned = psp_paper(NW_UCLA, FEW, Scope()), psp_turned(NW_UCLA, FEW, Scope())
    resample = replace(PIPELINES["authors-turned"].data.resample, frames=25)
    assert turned.data == replace(PIPELINES["authors-turned"].data, resample=resample)
    assert (turned.last.epochs * turned.last.steps_per_epoch, turned.last.method.contrast) == (400, 0.2)
    assert replace(turned.last.method, contrast=1.0) == text.last.method
    assert (turned.model, turned.last.optim.learning_rate) == (text.model, text.last.optim.learning_rate)


def test_the_authors_earlier_program_takes_500_steps_an_epoch_whatever_the_data():
    stage = psp_authors(NW_UCLA, FEW, Scope()).last
    assert (stage.epochs, stage.steps_per_epoch, stage.batch.labelled, stage.batch.unlabelled) == (300, 500, 9, 90)
    assert psp_authors(NW_UCLA, FEW, Scope()).data == PIPELINES["authors"].data


@pytest.mark.parametrize("size", [None, "light", "tiny", "small", "full"])
@pytest.mark.parametrize("make", [psp_paper, psp_turned, psp_authors, supervised_turned])
def test_systems_of_the_paper_are_dsta_net_at_every_size(make, size):
    encoder = make(NW_UCLA, FEW, Scope(size)).model.encoder
    assert encoder == encoder_of_size("tiny" if size in (None, "light") else size)
    assert encoder.joints == "attention"


def test_the_paper_has_two_settings_and_best_depends_on_the_number_of_clips():
    halves = {column.name: psp_paper(column, FEW, Scope()).last.batch.labelled for column in COLUMNS}
    assert halves == {"nw-ucla": 64, "synthetic": 32, "ntu60": 32}
    labelled = {column.name: psp_best(column, FEW, Scope()).last.batch.labelled for column in COLUMNS}
    assert labelled == {"nw-ucla": 12, "synthetic": 12, "ntu60": 48}


def test_the_published_program_is_itself_on_the_data_set_it_is_for():
    scope = Scope(size="full")
    assert psp_published(NTU, FEW, scope) == PRESETS["published"](FEW, "full")
    for column in (NW_UCLA, BUILT_IN):
        stage = psp_published(column, FEW, scope).last
        assert (stage.epochs, stage.steps_per_epoch, stage.optim.milestones) == (300, 0, (150, 225))
        assert stage.optim.warmup == psp_published(NTU, FEW, scope).last.optim.warmup


def test_systems_of_one_preset_differ_in_their_method_only():
    for semi_supervised, supervised, methods in (
        (psp_paper, supervised_paper, (PSPConfig, SupervisedConfig)),
        (psp_turned, supervised_turned, (PSPConfig, SupervisedConfig)),
        (psp_authors, supervised_authors, (PSPConfig, SupervisedConfig)),
        (psp_best, supervised_best, (MeanTeacherConfig, MultiStreamConfig)),
        (psp_best_short, supervised_best_short, (MeanTeacherConfig, MultiStreamConfig)),
    ):
        configs = [make(NW_UCLA, MANY, Scope()) for make in (semi_supervised, supervised)]
        assert tuple(type(config.last.method) for config in configs) == methods
        assert len({config.last.method.label_smoothing for config in configs}) == 1
        stage = replace(configs[1].last, method=configs[0].last.method)
        assert replace(configs[1], stages=(stage,)) == configs[0]


def test_the_short_best_is_best_where_labels_are_few():
    assert psp_best_short(NW_UCLA, FEW, Scope()) == psp_best(NW_UCLA, FEW, Scope())
    assert psp_best(NW_UCLA, MANY, Scope()).last.method.noisy_labels == 0.5
    every = Column("all", "all labels", "nw-ucla", "all", 3)
    for column, epochs in ((NW_UCLA, 20), (every, 60)):
        stage = psp_best_short(column, MANY, Scope()).last
        assert (stage.epochs, stage.method.noisy_labels) == (epochs, 0)


CHANGES = {
    "best": {},
    "no-contrast": {"method": {"contrast": 0.0}},
    "strong-contrast": {"method": {"contrast": 0.09}},
    "no-ppa": {"method": {"pyramid": {"polymerise": False}}},
    "no-spreading": {"method": {"label_spreading": 0.0}},
    "no-teacher": {"method": {"consistency": 0.0}},
    "no-overhang": {"data": {"resample": {"overhang": 0.0}}},
    "large-batches": {"batch": {"labelled": 48, "unlabelled": 64}},
    "adamw": {"optim": {"optimiser": "adamw", "learning_rate": 2e-3, "momentum": 0.9}},
    "one-augmentation": {"data": {"weak": {"shear": 0.2, "joint_mask": 0.15, "noise": 0.02}}},
    "half-the-epochs": {"epochs": 10, "optim": {"warmup": 1.0}},
    "long": {"epochs": 60, "optim": {"warmup": 6.0}},
    "long-filter": {"epochs": 60, "optim": {"warmup": 6.0}, "method": {"noisy_labels": 0.5}},
}


@pytest.mark.parametrize("row", RECIPE.rows, ids=lambda row: row.name)
def test_a_row_of_the_recipe_changes_one_ingredient(row):
    made, best = row.make(RECIPE.columns[0], FEW, Scope("light")), PRESETS["best"](FEW, "light")
    expected = (
        supervised_best(NW_UCLA, FEW, Scope("light")) if row.name == "supervised" else changed(best, CHANGES[row.name])
    )
    assert made == expected


def test_the_recipe_never_uses_the_test_camera():
    assert {column.split for column in RECIPE.columns} == {"nw-ucla-view1-to-view2", "nw-ucla-view2-to-view1"}


def test_figures_need_the_networks_of_the_papers_variants():
    figures = [EXPERIMENTS[name] for name in ("figure5", "figure6", "figure8")]
    assert all(each.from_weights for each in figures)
    assert [len(each.rows) for each in figures] == [1, 3, 8]
    assert len({each.rows[-1].make(NW_UCLA, FEW, Scope()).hash for each in figures}) == 1
