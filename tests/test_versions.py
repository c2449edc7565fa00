import platform

import torch

from psp.versions import versions_of


def test_python_and_packages_are_named():
    found = versions_of("torch", "no such package")
    assert found == {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "no such package": "not installed",
    }
