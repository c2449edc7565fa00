import math

import pytest

from psp.batches.augment import AugmentConfig
from psp.batches.batch import BatchSizes
from psp.batches.resample import ResampleConfig
from psp.config.ranges import require
from psp.errors import ConfigError
from psp.preprocess.bodies import BodyConfig


def test_a_value_in_its_range_is_accepted():
    require(True, "data.resample.frames", 1, "1 or more")


@pytest.mark.parametrize(
    ("config", "setting", "values"),
    [
        (ResampleConfig, "data.resample.frames", (0, -3)),
        (ResampleConfig, "data.resample.shortest", (0, -0.1, 1.01, math.nan)),
        (ResampleConfig, "data.resample.warp", (0.99, math.inf, math.nan)),
        (ResampleConfig, "data.resample.overhang", (-0.1, 0.5, math.nan)),
        (AugmentConfig, "turn", (-1, math.inf, math.nan)),
        (AugmentConfig, "shear", (-0.1, math.inf)),
        (AugmentConfig, "noise", (-0.1, math.nan)),
        (AugmentConfig, "scale", (-0.1, 1.0, math.nan)),
        (AugmentConfig, "mirror", (-0.1, 1.1, math.nan)),
        (AugmentConfig, "joint_mask", (-0.1, 1.1)),
        (AugmentConfig, "frame_mask", (-0.1, 1.1)),
        (BatchSizes, "batch.labelled", (0, -1)),
        (BatchSizes, "batch.unlabelled", (0, -1)),
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
    ResampleConfig(frames=1, shortest=1.0, warp=1.0)
    AugmentConfig(mirror=1.0, joint_mask=1.0, frame_mask=1.0, scale=0.999)
    BodyConfig(persons=1)
