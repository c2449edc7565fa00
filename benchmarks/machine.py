"""The machine that measures: what it is, and how fast it multiplies matrices and copies memory."""

import os
import platform
from pathlib import Path
from typing import Any

import torch

from benchmarks.timing import measure
from psp.versions import versions_of

PRODUCT_SIZE = {"cpu": 2048, "cuda": 8192}
COPY_BYTES = {"cpu": 2**28, "cuda": 2**32}
"""Far more than any cache holds."""


def provenance(device: torch.device) -> dict[str, Any]:
    """Return machine and versions, to be kept beside every figure."""
    machine = {
        "device": device.type,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
        "float32 products": torch.get_float32_matmul_precision(),
    }
    versions = versions_of("psp-learning", "numpy")
    return machine | (_card(device) if device.type == "cuda" else {}) | {"versions": versions}


def matrix_rate(device: torch.device, dtype: torch.dtype = torch.float32, seconds: float = 2.0) -> float:
    """Return the floating-point operations a second of a large square matrix product, 2 n^3 a product."""
    size = PRODUCT_SIZE[device.type]
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    product = torch.empty_like(left)
    return 2 * size**3 / measure(lambda: torch.matmul(left, right, out=product), device, seconds).median


def copy_rate(device: torch.device, seconds: float = 2.0) -> float:
    """Return the bytes a second, those read plus those written, of a copy within the device's main memory."""
    source = torch.zeros(COPY_BYTES[device.type], dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    return 2 * source.numel() / measure(lambda: target.copy_(source), device, seconds).median


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _card(device: torch.device) -> dict[str, Any]:
    card, driver = torch.cuda.get_device_properties(device), Path("/proc/driver/nvidia/version")
    return {
        "card": card.name,
        "card memory": card.total_memory,
        "multiprocessors": card.multi_processor_count,
        "CUDA": torch.version.cuda,
        "driver": driver.read_text().splitlines()[0] if driver.is_file() else "unknown",
    }
