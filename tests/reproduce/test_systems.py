from pathlib import Path

import pytest

from psp.reproduce.experiment import Scope
from psp.reproduce.systems import (
    psp_best,
    psp_best_short,
    psp_paper,
    psp_published,
    supervised_best,
    supervised_best_short,
    supervised_paper,
)
from psp.reproduce.table4 import FIGURE7, TABLE4
from psp.config.override import changes_from_file, override
from psp.train.presets import PRESETS

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
ROWS = {row.name: row for row in (*TABLE4.rows, *FIGURE7.rows)}
FILES = {
    "b2": "joint-level", "b3": "part-level", "b4": "body-level", "b5": "joint-and-part-level",
    "b6": "joint-and-body-level", "b7": "part-and-body-level", "a2": "without-ppa",
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("preset", PRESETS)
def test_ablations_are_the_settings_of_the_configuration_files(name, preset):
    plain = PRESETS[preset]("nw-ucla", "5%", "tiny")
    expected = override(plain, changes_from_file(CONFIGS / f"{FILES[name]}.yaml"))
    assert ROWS[name].make("nw-ucla", "5%", Scope(preset=preset)) == expected


@pytest.mark.parametrize("preset", PRESETS)
def test_the_first_and_the_last_ablation_are_without_contrast_and_the_preset_itself(preset):
    scope, plain = Scope(preset=preset), PRESETS[preset]("nw-ucla", "5%", "tiny")
    assert ROWS["b1"].make("nw-ucla", "5%", scope) == ROWS["a1"].make("nw-ucla", "5%", scope)
    first = ROWS["b1"].make("nw-ucla", "5%", scope)
    assert first.method == "supervised" or (first.method == "taught" and first.objective.contrast == 0)
    assert ROWS["b8"].make("nw-ucla", "5%", scope) == ROWS["a3"].make("nw-ucla", "5%", scope) == plain


def test_the_published_program_is_itself_on_the_data_set_it_is_for():
    scope = Scope(size="full")
    assert psp_published("ntu60-xsub", "5%", scope) == PRESETS["published"]("ntu60-xsub", "5%", "full")
    elsewhere = psp_published("nw-ucla", "5%", scope)
    assert (elsewhere.epochs, elsewhere.steps, elsewhere.optim.milestones) == (300, 0, (150, 225))


def test_systems_of_one_preset_differ_in_their_method_only():
    pairs = {
        ("psp", "supervised"): (psp_paper, supervised_paper),
        ("taught", "streams"): (psp_best_short, supervised_best_short),
    }
    for methods, systems in pairs.items():
        configs = [make("nw-ucla", "15%", Scope()) for make in systems]
        assert tuple(config.method for config in configs) == methods
        assert override(configs[1], {"method": methods[0]}) == configs[0]


def test_the_short_best_is_best_where_labels_are_few():
    assert psp_best_short("nw-ucla", "5%", Scope()) == psp_best("nw-ucla", "5%", Scope())
    assert psp_best_short("nw-ucla", "15%", Scope()) != psp_best("nw-ucla", "15%", Scope())


def test_labels_alone_are_learnt_as_long_as_with_best_and_never_doubted():
    config, whole = (make("nw-ucla", "15%", Scope()) for make in (supervised_best, psp_best))
    assert override(config, {"method": "taught", "doubt": 0.5}) == whole
    assert config.doubt == 0
