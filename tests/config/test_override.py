from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psp.batches.augment import AugmentConfig
from psp.batches.batch import DataConfig
from psp.config.override import as_plain, changes_from_file, differences, override
from psp.errors import ConfigError
from psp.model.backbone import ModelConfig
from psp.preprocess.bodies import BodyConfig
from psp.preprocess.clean import CleanConfig
from psp.train.optim import OptimConfig


@dataclass(frozen=True)
class Whole:
    """A configuration with sections."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    epochs: int = 120


CONFIG = Whole()


def test_nested_settings_are_changed_and_nothing_else():
    changes = {"optim": {"learning_rate": 0.3}, "data": {"resample": {"frames": 64}}, "epochs": 7}
    changed = override(CONFIG, changes)
    assert (changed.optim.learning_rate, changed.data.resample.frames, changed.epochs) == (0.3, 64, 7)
    assert changed.model == CONFIG.model
    assert differences(changed, CONFIG) == changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optim": {"learning_rat": 0.3}}, r"optim\.learning_rat: there is no such setting\. .*'learning_rate'"),
        ({"epoch": 3}, r"epoch: .*Did you mean 'epochs'"),
        ({"epochs": "many"}, "epochs: 'many' is not of type int"),
        ({"optim": {"schedule": "linear"}}, r"optim\.schedule: 'linear'"),
        ({"data": {"strong": {"turn": [1, 2]}}}, r"data\.strong\.turn: \[1, 2\] is not of type float"),
        ({"zzz": 1}, r"zzz: .*Known settings: model, data, optim, epochs\."),
        ({"model": 3}, r"model: 3 is not a section\. Change its settings: model\.NAME"),
        ({"model": None}, "model: None is not a section"),
        ({"data": {"resample": "crop"}}, r"data\.resample: 'crop' is not a section"),
    ],
)
def test_mistakes_are_refused_with_the_name_and_the_nearest(changes, message):
    with pytest.raises(ConfigError, match=message):
        override(CONFIG, changes)


def test_whole_numbers_are_fractions_too():
    assert override(CONFIG, {"optim": {"learning_rate": 1}}).optim.learning_rate == 1.0


@pytest.mark.parametrize("content", [b"optim: [", b"- 1\n- 2\n", b"3", b"\xff\xfe\x00"])
def test_unreadable_files_are_refused(tmp_path: Path, content: bytes):
    (tmp_path / "c.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"c\.yaml"):
        changes_from_file(tmp_path / "c.yaml")


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"absent\.yaml: the configuration cannot be read"):
        changes_from_file(tmp_path / "absent.yaml")


def test_files_hold_only_what_differs(tmp_path: Path):
    (tmp_path / "c.yaml").write_text("optim:\n  learning_rate: 0.2\n")
    assert override(CONFIG, changes_from_file(tmp_path / "c.yaml")).optim.learning_rate == 0.2
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert changes_from_file(tmp_path / "empty.yaml") == {}


def test_a_section_that_may_be_absent_can_be_switched_off_and_on():
    off = override(CleanConfig(), {"bodies": None})
    assert off == CleanConfig(bodies=None)
    assert override(off, {"bodies": {"persons": 1}}) == CleanConfig(bodies=BodyConfig(persons=1))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"epochs": 3},
        {"model": {"encoder": {"heads": 2, "blocks": [[4, 8, 3, 1]]}}},
        {"data": {"weak": {"turn": 30.0}, "resample": {"test_crops": [[0.0, 0.5], [0.5, 1.0]]}}},
    ],
)
def test_differences_are_what_override_needs(changes):
    changed = override(CONFIG, changes)
    found = differences(changed, CONFIG)
    assert found == changes
    assert override(CONFIG, found) == changed
    assert override(changed, differences(CONFIG, changed)) == CONFIG


@settings(max_examples=15)
@given(st.builds(AugmentConfig, turn=st.floats(0, 1e6), scale=st.floats(0, 0.9), noise=st.floats(0, 1)))
def test_every_configuration_survives_the_way_through_plain_values(strong):
    config = Whole(data=DataConfig(strong=strong))
    assert override(CONFIG, as_plain(config)) == config
