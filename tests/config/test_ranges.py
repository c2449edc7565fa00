import math

import pytest

from psp.batches.augment import AugmentConfig
from psp.preprocess.bodies import BodyConfig
from psp.config.ranges import require
from psp.batches.resample import SampleConfig
from psp.errors import ConfigError


def test_a_value_in_its_range_is_let_through():
    require(True, "data.sample.frames", 1, "1 or more")


@pytest.mark.parametrize(
    ("config", "setting", "values"),
    [
        (SampleConfig, "data.sample.frames", (0, -3)),
        (SampleConfig, "data.sample.shortest", (0, -0.1, 1.01, math.nan)),
        (SampleConfig, "data.sample.warp", (0.99, math.inf, math.nan)),
        (AugmentConfig, "data.augment.turn", (-1, math.inf, math.nan)),
        (AugmentConfig, "data.augment.shear", (-0.1, math.inf)),
        (AugmentConfig, "data.augment.noise", (-0.1, math.nan)),
        (AugmentConfig, "data.augment.scale", (-0.1, 1.0, math.nan)),
        (AugmentConfig, "data.augment.mirror", (-0.1, 1.1, math.nan)),
        (AugmentConfig, "data.augment.joint_mask", (-0.1, 1.1)),
        (AugmentConfig, "data.augment.frame_mask", (-0.1, 1.1)),
        (BodyConfig, "clean.bodies.persons", (0, -1)),
    ],
)
def test_settings_out_of_range_are_refused_by_name(config: type, setting: str, values: tuple[float, ...]):
    for value in values:
        with pytest.raises(ConfigError, match=f"{value} is out of range") as refusal:
            config(**{setting.rpartition(".")[2]: value})
        assert refusal.value.where == setting
        assert refusal.value.remedy.startswith("Use ")


def test_the_ends_of_ranges_are_allowed():
    SampleConfig(frames=1, shortest=1.0, warp=1.0)
    AugmentConfig(mirror=1.0, joint_mask=1.0, frame_mask=1.0, scale=0.999)
    BodyConfig(persons=1)
