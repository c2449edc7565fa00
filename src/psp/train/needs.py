"""The least memory and disk that a training needs, compared with what is free before it begins."""

import torch
from torch import nn

from psp.batches.modalities import COORDINATES
from psp.distributed import rank_count
from psp.free_space import require_disk, require_memory
from psp.methods.base import Method, Setting
from psp.train.run_folder import RunFolder

SMALLER = "Use smaller batches, a smaller network, or fewer frames."

PER_JOINT = ("attention", "graph")
"""The encoders that keep features of every joint in every block."""


def require_memory_of_weights(setting: Setting, device: torch.device) -> None:
    """Raise ConfigError if the weights of one encoder, with a gradient, cannot be held."""
    with torch.device("meta"):
        encoder = setting.encoder()
    require_memory(2 * size_of(encoder), "the network", SMALLER, _free(device))


def require_memory_of_step(method: Method, setting: Setting, persons: int, device: torch.device) -> None:
    """Raise ConfigError if the inputs of a step and of the blocks that encode its labelled clips cannot be held.

    The former have all person slots; of the latter one person of each clip and half precision are counted.
    """
    specs = list(method.batches().values())
    made = sum(spec.size * len(spec.augmentations) * len(spec.modalities) for spec in specs) // rank_count()
    encoded = sum(spec.size * len(spec.modalities) for spec in specs if spec.pool == "labelled") // rank_count()
    kept = min(encoded, setting.memory.chunk or encoded)
    inputs = 4 * made * persons * setting.frames * len(setting.layout.joints) * COORDINATES
    require_memory(inputs + 2 * kept * _kept_numbers(setting), "a step of training", SMALLER, _free(device))


def require_disk_of_run(method: Method, folder: RunFolder) -> None:
    """Raise DestinationError if the first and the last checkpoint of a run find no room."""
    require_disk(folder.path, 2 * size_of(method), "this training")


def size_of(module: nn.Module) -> int:
    """Return how many bytes the parameters and buffers of a module take."""
    return sum(value.numel() * value.element_size() for value in module.state_dict().values())


def _kept_numbers(setting: Setting) -> int:
    """Return how many numbers the inputs of the blocks of an encoder have for one clip of one person."""
    encoder, frames, count = setting.model.encoder, setting.frames, 0
    if encoder.joints not in PER_JOINT:
        return 0
    for inputs, _, _, stride in encoder.blocks:
        count += inputs * frames * len(setting.layout.joints)
        frames = -(-frames // stride)
    return count


def _free(device: torch.device) -> int | None:
    """Return the memory of a GPU in bytes, None for the memory of this computer."""
    return torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else None
