import pytest

from psp.reproduce.experiment import Scope
from psp.reproduce.recipe import RECIPE
from psp.config.override import differences
from psp.train.presets import best

CHANGES = {
    "best": {},
    "no-contrast": {"objective": {"contrast": 0.0}},
    "strong-contrast": {"objective": {"contrast": 0.09}},
    "no-ppa": {"model": {"polymerise": False}},
    "no-spreading": {"spread": 0.0},
    "no-teacher": {"objective": {"pseudo_label": 0.0}},
    "no-overhang": {"data": {"sample": {"overhang": 0.0}}},
    "large-batches": {"labelled_batch": 48, "unlabelled_batch": 64},
    "adamw": {"optim": {"optimiser": "adamw", "learning_rate": 2e-3, "momentum": 0.9}},
    "labelled-alike": {"data": {"augment_labelled": None}},
    "half-the-epochs": {"epochs": 10, "optim": {"warmup": 1.0}},
    "long": {"epochs": 60, "optim": {"warmup": 6.0}},
    "long-doubt": {"epochs": 60, "optim": {"warmup": 6.0}, "doubt": 0.5},
    "labels-only": {"method": "streams"},
}


@pytest.mark.parametrize("row", RECIPE.rows, ids=lambda row: row.name)
def test_a_row_changes_one_ingredient_of_the_preset(row):
    protocol = RECIPE.columns[0].protocol
    made = row.make(protocol, "5/class", Scope(size="light"))
    assert differences(made, best(protocol, "5/class", "light")) == CHANGES[row.name]


def test_the_test_view_is_never_looked_at():
    assert {column.protocol for column in RECIPE.columns} == {"nw-ucla-view1-to-view2", "nw-ucla-view2-to-view1"}
