"""The training methods, by name."""

from typing import Literal

from psp.methods.encode import MemoryConfig
from psp.methods.method import Method, ObjectiveConfig
from psp.methods.psp import PSP
from psp.methods.streams import Streams
from psp.methods.supervised import Supervised
from psp.methods.taught import Taught

__all__ = ["METHODS", "MemoryConfig", "Method", "MethodName", "ObjectiveConfig"]

MethodName = Literal["psp", "supervised", "streams", "taught"]

METHODS: dict[MethodName, Method] = {
    "psp": PSP(),
    "supervised": Supervised(),
    "streams": Streams(),
    "taught": Taught(),
}
