"""Devices, precision and compilation, and the settings of PyTorch and of the process for them."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import nn

from psp.errors import ConfigError
from psp.model.backbone import Backbone
from psp.train.config import Precision

Device = Literal["auto", "cpu", "cuda"]
"""Where to compute; auto is the GPU if there is one."""

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Options of `mallopt` in glibc's malloc.h."""

NO_COMPILER = "torch.compile does not work here (it needs a C++ compiler, or Triton); training continues without it."


def device_by_name(name: str) -> torch.device:
    """Return the device `cpu` or `cuda`; `auto` is the GPU if there is one. ConfigError if it is missing or unknown."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("PyTorch finds no GPU.", remedy="Use --device cpu, or install PyTorch with CUDA.")
    try:
        return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
    except (RuntimeError, TypeError) as error:
        raise ConfigError(f"there is no device {name!r}.", remedy="Use auto, cpu or cuda.") from error


@contextmanager
def process_settings(precision: Precision) -> Iterator[None]:
    """Allow TF32 as configured within the `with` block; afterwards TF32 flags and random state are restored.

    PyTorch's defaults allow TF32 for convolutions but not for matrix products.
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
    """Return an autocast context for bf16 if it is configured and the device multiplies bf16 numbers natively.

    Emulated bf16 takes several times as long as single precision.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision_on(device, precision) == "bf16")


def precision_on(device: torch.device, wanted: Precision) -> Precision:
    """Return the precision of products on a device if `wanted` is configured: float32 if it does not support it."""
    known = {"bf16": multiplies_bf16(device), "tf32": device.type == "cuda"}.get(wanted, True)
    return wanted if known else "float32"


def multiplies_bf16(device: torch.device) -> bool:
    """Return whether the device has instructions for products of bf16 numbers."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported()


def keep_freed_memory() -> bool:
    """Make this process keep freed blocks of memory; False if the C library does not support it (not Linux).

    A training step on a CPU frees tensors that the next step allocates again. New pages, which the system fills with
    zeros, cost up to a fifth of the step of a small network. It affects the whole process, so only the command line
    calls it.
    """
    if not sys.platform.startswith("linux"):
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    return set_option is not None and all((set_option(M_MMAP_MAX, 0), set_option(M_TRIM_THRESHOLD, 2**31 - 1)))


def compile_encoders(method: nn.Module) -> bool:
    """Compile the encoders of a method; return False and change nothing if this machine cannot compile.

    Results may differ in the last bits. Compiling takes a minute or more at the first step.
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
