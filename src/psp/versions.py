"""Versions of Python and of packages, stored with the results that they computed."""

import importlib.metadata
import platform

import torch


def versions_of(*packages: str) -> dict[str, str]:
    """Return the versions of Python, PyTorch (with its build, such as +cpu) and the named packages.

    A package that is not installed, such as psp used from its source folder, has the version "not installed".
    """
    known = {"python": platform.python_version(), "torch": str(torch.__version__)}
    return known | {name: _version(name) for name in packages}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
