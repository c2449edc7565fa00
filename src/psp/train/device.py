"""Where to compute, and how exactly."""

from typing import Literal

import torch

from psp.errors import ConfigError

Precision = Literal["float32", "tf32", "bf16"]


def device_by_name(name: str) -> torch.device:
    """Return the device `cpu` or `cuda`; `auto` is the GPU where there is one."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("PyTorch sees no GPU here.", remedy="Use --device cpu, or install PyTorch with CUDA.")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def allow_tf32(precision: Precision) -> None:
    """Let a GPU round what it multiplies to 10 bits for `tf32`, and let nothing be rounded so otherwise.

    PyTorch's own defaults are between the two: convolutions may, matrix products may not.
    """
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"


def mixed_precision(precision: Precision, device: torch.device) -> torch.autocast:
    """Compute what follows in bf16 where it may be, if that is wanted and the device multiplies such numbers itself.

    A device that has to imitate them would take several times as long as in single precision.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision_on(device, precision) == "bf16")


def precision_on(device: torch.device, wanted: Precision) -> Precision:
    """Return how exactly a device multiplies when `wanted` is configured: single precision if it knows no better."""
    known = multiplies_bf16(device) if wanted == "bf16" else device.type == "cuda"
    return wanted if known else "float32"


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for products of bf16 numbers."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported()
