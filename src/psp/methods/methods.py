"""The training methods, by name."""

from typing import Literal

from psp.methods.encode import MemoryConfig
from psp.methods.method import Method, ObjectiveConfig
from psp.methods.psp import PSP
from psp.methods.supervised import Supervised

__all__ = ["METHODS", "MemoryConfig", "Method", "MethodName", "ObjectiveConfig"]

MethodName = Literal["psp", "supervised"]

METHODS: dict[MethodName, Method] = {"psp": PSP(), "supervised": Supervised()}
