"""The built-in data read like recordings."""

import pytest

from psp.io.synthetic import SyntheticReader
from psp.synthetic import SyntheticConfig, synthetic_clips
from psp.skeleton.layouts import LAYOUTS


@pytest.mark.parametrize("layout", LAYOUTS)
def test_reading_makes_the_clips_of_the_configuration(layout: str) -> None:
    config = SyntheticConfig(layout=layout, clips=5, seed=2)
    reader = SyntheticReader(config)
    items, left_out = reader.items()
    assert not left_out
    assert reader.layout is LAYOUTS[layout]
    assert reader.classes == config.classes
    for item, clip in zip(items, synthetic_clips(config), strict=True):
        recording = reader.read(item)
        assert (recording.joints == clip.joints).all()
        assert (recording.id, recording.label) == (clip.id, clip.label)


def test_another_configuration_has_other_stamps() -> None:
    first, second = (SyntheticReader(SyntheticConfig(clips=1, seed=seed)).items()[0] for seed in (0, 1))
    assert first != second
