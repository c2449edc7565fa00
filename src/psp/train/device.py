"""Where to compute."""

import torch

from psp.errors import ConfigError


def device_by_name(name: str) -> torch.device:
    """Return the device `cpu` or `cuda`; `auto` is the GPU where there is one."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("PyTorch sees no GPU here.", remedy="Use --device cpu, or install PyTorch with CUDA.")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
