"""The built-in data read like recordings."""

from pathlib import Path

import pytest
import yaml

from psp.errors import ConfigError, LayoutError
from psp.io.base import open_reader
from psp.io.formats.synthetic import SyntheticReader
from psp.skeleton.catalogue import layout_by_name
from psp.synthetic import SyntheticConfig, synthetic_clips


@pytest.mark.parametrize("layout", ["ntu25", "coco17", layout_by_name("h36m17")])
def test_reading_makes_the_clips_of_the_configuration(layout) -> None:
    config = SyntheticConfig(layout=layout, clips=5, seed=2)
    reader = open_reader("synthetic", layout=layout, clips=5, seed=2)
    items, counts = reader.items()
    assert not counts
    assert reader.layout == SyntheticReader(config).layout
    assert reader.classes == config.classes
    for item, clip in zip(items, synthetic_clips(config), strict=True):
        recording = reader.read(item)
        assert (recording.joints == clip.joints).all()
        assert (recording.confidence == (1 if clip.confidence is None else clip.confidence)).all()
        assert recording.info == clip.info


def test_another_configuration_has_other_stamps() -> None:
    first, second = (SyntheticReader(SyntheticConfig(clips=1, seed=seed)).items()[0] for seed in (0, 1))
    assert first != second


def test_a_layout_from_a_file(tmp_path: Path) -> None:
    content = layout_by_name("coco17").to_dict() | {"name": "mine"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    reader = open_reader("synthetic", layout=str(tmp_path / "mine.yaml"), clips=1)
    assert reader.layout.name == "mine"
    assert reader.read(reader.items()[0][0]).joints.shape[2:] == (17, 3)


def test_what_cannot_be_made_is_refused() -> None:
    with pytest.raises(LayoutError, match="Did you mean"):
        open_reader("synthetic", layout="ntu-25")
    with pytest.raises(ConfigError, match="clips is -1"):
        open_reader("synthetic", clips=-1)
