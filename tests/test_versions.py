import platform

import numpy as np
import torch

from psp.versions import versions_of


def test_python_pytorch_and_packages_are_named():
    known = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    assert versions_of("numpy", "no such package") == known | {"no such package": "not installed"}
