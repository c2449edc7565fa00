"""Where and how exactly to compute, and what of it is global to a process."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from psp.errors import ConfigError
from psp.model.backbone import Backbone
from psp.train.config import Precision

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Options of `mallopt` in glibc's malloc.h."""

NO_COMPILER = "torch.compile does not work here (it needs a C++ compiler, or Triton); training goes on without it."


def device_by_name(name: str) -> torch.device:
    """Return the device `cpu` or `cuda`; `auto` is the GPU where there is one."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("PyTorch sees no GPU here.", remedy="Use --device cpu, or install PyTorch with CUDA.")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


@contextmanager
def process_settings(precision: Precision) -> Iterator[None]:
    """Keep the process as it was: TF32 as configured in the `with` block, random state restored after it.

    PyTorch's own defaults allow TF32 for convolutions but not for matrix products.
    """
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    with torch.random.fork_rng(devices):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        try:
            yield
        finally:
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def mixed_precision(precision: Precision, device: torch.device) -> torch.autocast:
    """Return a context that computes in bf16 where it may, if configured and the device multiplies such numbers.

    A device that has to emulate them would take several times as long as in single precision.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision_on(device, precision) == "bf16")


def precision_on(device: torch.device, wanted: Precision) -> Precision:
    """Return how exactly a device multiplies when `wanted` is configured: float32 if it knows no such numbers."""
    known = {"bf16": multiplies_bf16(device), "tf32": device.type == "cuda"}.get(wanted, True)
    return wanted if known else "float32"


def multiplies_bf16(device: torch.device) -> bool:
    """Return whether the device has instructions for products of bf16 numbers."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported()


def keep_freed_memory() -> bool:
    """Let this process keep large blocks of memory that are freed; False where the C library cannot (not Linux).

    A training step on a CPU frees the very tensors that the next one asks for. Fresh pages, which the system fills
    with zeros every time, cost up to a fifth of a small network's step. For the command line: it affects the process.
    """
    if not sys.platform.startswith("linux"):
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    return set_option is not None and all((set_option(M_MMAP_MAX, 0), set_option(M_TRIM_THRESHOLD, 2**31 - 1)))


def compile_encoders(method: nn.Module) -> bool:
    """Compile the encoders of a method, or return False and change nothing if this machine cannot.

    The mathematics stays the same, the last bits may not. Compiling takes a minute or more at the first step.
    """
    if not can_compile(next(method.parameters()).device):
        return False
    for part in method.modules():
        for encoder in part.encoders if isinstance(part, Backbone) else ():
            encoder.compile()
    return True


def can_compile(device: torch.device) -> bool:
    """Return whether torch.compile works here: it needs a C++ compiler for a CPU and Triton for a GPU."""
    try:
        torch.compile(torch.neg)(torch.ones(2, device=device))
    except (ImportError, OSError, RuntimeError):
        return False
    return True
