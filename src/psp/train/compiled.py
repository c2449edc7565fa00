"""Letting torch.compile fuse the encoder's elementwise work, where this machine has what that needs."""

import torch

from psp.model.streams import Network, StreamNetworks

NOT_HERE = "torch.compile does not work here (it needs a C++ compiler, or Triton); training goes on without it."


def compile_encoder(network: Network) -> bool:
    """Compile the encoder where it stands, or return False and change nothing if this machine cannot.

    The mathematics stays the same, the last bits may not. Compiling takes a minute or more at the first step.
    """
    if not can_compile(next(network.parameters()).device):
        return False
    for number in range(len(network.networks) if isinstance(network, StreamNetworks) else 1):
        network.of_view(number).encoder.compile()
    return True


def can_compile(device: torch.device) -> bool:
    """Whether torch.compile works here: it needs a C++ compiler for a CPU and Triton for a GPU."""
    try:
        torch.compile(torch.neg)(torch.ones(2, device=device))
    except (ImportError, OSError, RuntimeError):
        return False
    return True
