"""A network as one safetensors file: its weights, and in the header everything needed to build it again."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from psp.files import write_atomically
from psp.errors import CheckpointError
from psp.model.encoder import EncoderConfig
from psp.model.psp import ModelConfig
from psp.model.streams import Network, StreamNetworks, make_network
from psp.skeleton.layouts import layout_by_name

HEADER = "psp"


def save_network(path: Path, network: Network, state: Mapping[str, Tensor] | None = None) -> None:
    """Write the network with its weights or with `state` (averaged ones), whole or not at all."""
    header = {
        "layout": network.layout.name,
        "frames": network.frames,
        "classes": network.classes,
        "config": asdict(network.config),
        "views": len(network.networks) if isinstance(network, StreamNetworks) else 1,
    }
    tensors = {name: tensor.contiguous() for name, tensor in (state or network.state_dict()).items()}
    content = save(tensors, {HEADER: json.dumps(header)})
    try:
        write_atomically(path, lambda place: place.write_bytes(content))
    except OSError as error:
        raise CheckpointError(
            f"the weights cannot be written: {error.strerror}.",
            where=str(path),
            remedy="Choose another place.",
        ) from error


def load_network(path: Path) -> Network:
    """Build the network that `save_network` wrote, in evaluation mode."""
    metadata, state = read_safetensors(path)
    try:
        header = json.loads(metadata[HEADER])
        config = _config(header["config"])
        network = make_network(
            layout_by_name(header["layout"]), header["frames"], header["classes"], config, header.get("views", 1)
        )
        network.load_state_dict(state)
    except (KeyError, TypeError, json.JSONDecodeError, RuntimeError) as error:
        raise CheckpointError(
            "the file does not describe a network of this version of psp.",
            where=str(path),
            remedy="Bring weights of the published program in with psp import-weights.",
        ) from error
    return network.eval()


def read_safetensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return a file's header and tensors; anything unreadable is a CheckpointError."""
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            "the weight file is missing or damaged.",
            where=str(path),
            remedy="Check the path or copy it again.",
        ) from error


def _config(values: Mapping[str, Any]) -> ModelConfig:
    encoder = dict(values["encoder"])
    encoder["blocks"] = tuple(tuple(block) for block in encoder["blocks"])
    return ModelConfig(**{**values, "encoder": EncoderConfig(**encoder), "levels": tuple(values["levels"])})
