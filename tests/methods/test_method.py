from math import inf, nan

import pytest

from psp.errors import ConfigError
from psp.methods.method import ObjectiveConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", 0.0), ("temperature", nan), ("contrast", -1.0), ("contrast", inf), ("label_smoothing", 1.0)],
)
def test_impossible_objectives_are_refused(name, value):
    with pytest.raises(ConfigError, match=rf"objective\.{name}"):
        ObjectiveConfig(**{name: value})
