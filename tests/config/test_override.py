from pathlib import Path

import pytest

from psp.preprocess.bodies import BodyConfig
from psp.preprocess.clean import CleanConfig
from psp.errors import ConfigError
from psp.train.config import TrainConfig
from psp.config.override import as_plain, changes_from_arguments, changes_from_file, differences, override
from psp.train.presets import PRESETS

CONFIG = TrainConfig("nw-ucla", "5/class")


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("protocol", ["nw-ucla", "ntu60-xsub"])
def test_every_preset_survives_the_way_through_plain_values(name, protocol):
    config = PRESETS[name](protocol, "5%", "tiny")
    assert override(CONFIG, as_plain(config)) == config
    assert override(CONFIG, as_plain(config)).hash == config.hash


def test_nested_settings_are_changed_and_nothing_else():
    changes = changes_from_arguments(["optim.learning_rate=0.3", "data.sample.frames=64", "epochs=7"])
    changed = override(CONFIG, changes)
    assert (changed.optim.learning_rate, changed.data.sample.frames, changed.epochs) == (0.3, 64, 7)
    assert changed.model == CONFIG.model
    assert changed.hash != CONFIG.hash


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("optim.learning_rat=0.3", "learning_rate"),
        ("epoch=3", "epochs"),
        ("epochs=many", "epochs"),
        ("optim.schedule=linear", "optim.schedule"),
        ("data.augment.turn=[1, 2]", "data.augment.turn"),
        ("epochs", "name=value"),
        ("zzz=1", "Known settings"),
        ("model=3", "model: 3 is not a section"),
        ("model=null", "model: None is not a section"),
        ("data.sample=crop", "data.sample: 'crop' is not a section"),
    ],
)
def test_mistakes_are_refused_with_the_name_and_the_nearest(argument, message):
    with pytest.raises(ConfigError, match=message.replace(".", r"\.")):
        override(CONFIG, changes_from_arguments([argument]))


def test_whole_numbers_are_fractions_too():
    assert override(CONFIG, {"optim": {"learning_rate": 1}}).optim.learning_rate == 1.0


@pytest.mark.parametrize("content", ["optim: [", "- 1\n- 2\n"])
def test_unreadable_files_are_refused(tmp_path: Path, content: str):
    (tmp_path / "c.yaml").write_text(content)
    with pytest.raises(ConfigError, match=r"c\.yaml"):
        changes_from_file(tmp_path / "c.yaml")


def test_files_hold_only_what_differs(tmp_path: Path):
    (tmp_path / "c.yaml").write_text("optim:\n  learning_rate: 0.2\n")
    assert override(CONFIG, changes_from_file(tmp_path / "c.yaml")).optim.learning_rate == 0.2


@pytest.mark.parametrize("first", ["optim=1", "optim=null"])
def test_a_section_is_not_both_a_value_and_changed(first: str):
    with pytest.raises(ConfigError, match=r"optim\.learning_rate: 'optim' was given a value"):
        changes_from_arguments([first, "optim.learning_rate=2"])


def test_a_section_that_may_be_absent_can_be_switched_off_and_on():
    off = override(CleanConfig(), {"bodies": None})
    assert off == CleanConfig(bodies=None)
    assert override(off, {"bodies": {"persons": 1}}) == CleanConfig(bodies=BodyConfig(persons=1))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"epochs": 3},
        {"model": {"encoder": {"heads": 2, "blocks": [[4, 8, 3, 1]]}}, "budget": "all"},
        {"data": {"augment_labelled": {}}},
        {"data": {"augment_labelled": {"turn": 30.0}}},
    ],
)
def test_differences_are_what_override_needs(changes):
    base = TrainConfig("nw-ucla", "5/class")
    changed = override(base, changes)
    found = differences(changed, base)
    assert found == changes
    assert override(base, found) == changed
    assert override(changed, differences(base, changed)) == base
