"""Keeping memory that was freed for the next step, instead of giving it back to the system."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Options of `mallopt` in glibc's malloc.h."""


def keep_freed_memory() -> bool:
    """Let this process keep large blocks when they are freed; returns False where the C library cannot (not Linux).

    A training step on a CPU frees the very tensors that the next one will ask for. Fresh pages, which the system fills
    with zeros every time, cost up to a fifth of a small network's step.
    """
    if not sys.platform.startswith("linux"):
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    return set_option is not None and all((set_option(M_MMAP_MAX, 0), set_option(M_TRIM_THRESHOLD, 2**31 - 1)))
