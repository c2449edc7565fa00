"""The versions of what computes, to be kept beside whatever it computed."""

import importlib.metadata
import platform

import torch


def versions_of(*packages: str) -> dict[str, str]:
    """The versions of Python, of PyTorch with what it was built for, and of some packages.

    psp itself may be used from its source folder, not installed.
    """
    known = {"python": platform.python_version(), "torch": str(torch.__version__)}
    return known | {name: _version(name) for name in packages}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
