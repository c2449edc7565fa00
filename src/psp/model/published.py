"""Import of weights of the authors' programs (PSP Learning, DSTA-Net)."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from psp.errors import CheckpointError
from psp.model.backbone import ModelConfig
from psp.model.encoder import EncoderConfig
from psp.model.model_file import read_safetensors
from psp.model.predictor import Predictor, make_predictor
from psp.model.pyramid_head import PyramidConfig, PyramidHead
from psp.skeleton.layout import Layout

NAMES = {
    "backbone.encoders.0.input.": "input_map.",
    "backbone.encoders.0.blocks.": "graph_layers.",
    ".spatial.query_key.": ".in_nets.",
    ".spatial.gain": ".alphas",
    ".spatial.global_map": ".attention0s",
    ".spatial.output.": ".out_nets.",
    ".spatial.feed_forward.": ".ff_nets.",
    ".spatial.attention_shortcut.": ".downs1.",
    ".spatial.shortcut.": ".downs2.",
    ".temporal.filter.": ".out_nett.",
    ".temporal.query_key.": ".in_nett.",
    ".temporal.gain": ".alphat",
    ".temporal.global_map": ".attention0t",
    ".temporal.output.": ".out_nett.",
    ".temporal.feed_forward.": ".ff_nett.",
    ".temporal.attention_shortcut.": ".downt1.",
    ".temporal.shortcut.": ".downt2.",
    "polymerising.levels.body.": "att_b.",
    "polymerising.levels.part.": "att_pb.",
    "polymerising.levels.joint.": "att_jpb.",
    ".query_key_value.": ".in_nets.",
    ".feed_forward.": ".ff_nets.",
    "projection.hidden.": "mlp.0.",
    "projection.output.": "mlp.2.",
    "classifiers.0.linear.": "fc.",
    ".conv.": ".0.",
    ".norm.": ".1.",
}
COMPUTED = (".pe", ".atts", ".attt")
# torch.load raises many kinds of errors for damaged files.
UNREADABLE = (
    OSError, EOFError, RuntimeError, UnpicklingError, ValueError, LookupError, TypeError, AttributeError,
    AssertionError, struct.error,
)  # fmt: skip


@dataclass(frozen=True)
class Published:
    """The network of a published state, derived from the shapes of its weights; `pyramid` is None for DSTA-Net."""

    model: ModelConfig
    pyramid: PyramidConfig | None
    joints: int
    frames: int
    classes: int


def import_published(path: Path, layout: Layout) -> tuple[Predictor, PyramidHead | None]:
    """Return the predictor and, for PSP Learning, the contrastive head of a published checkpoint.

    The file is a .safetensors or a torch file; no code in it is run. CheckpointError if it cannot be read or does not
    fit the layout.
    """
    state = read_checkpoint(path)
    found = describe(state)
    if found.joints != len(layout.joints):
        raise CheckpointError(
            f"the network has {found.joints} joints, but layout {layout.name!r} has {len(layout.joints)}.",
            where=str(path),
            remedy="Name the layout that the network was trained with.",
        )
    predictor = make_predictor(layout, found.frames, found.classes, found.model, ("joint", "motion"), "sum")
    head = PyramidHead(layout, found.frames, found.model.encoder, found.pyramid) if found.pyramid else None
    load_published(state, predictor, head)
    return predictor.eval(), None if head is None else head.eval()


def load_published(state: Mapping[str, Tensor], predictor: Predictor, head: PyramidHead | None) -> None:
    """Load a published state into a predictor and a head; CheckpointError names weights that do not fit."""
    ours = predictor.state_dict() | ({} if head is None else head.state_dict())
    weights = renamed(state, ours)
    predictor.load_state_dict({name: weights[name] for name in predictor.state_dict()})
    if head is not None:
        head.load_state_dict({name: weights[name] for name in head.state_dict()})


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Return a checkpoint's tensors by their published names, without the prefix "module."."""
    if path.suffix == ".safetensors":
        state: Any = read_safetensors(path)[1]
    else:
        state = _torch_file(path)
    for key in ("state_dict", "model"):
        state = state.get(key, state) if isinstance(state, Mapping) else state
    named = isinstance(state, Mapping) and all(isinstance(name, str) for name in state)
    if not named or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(
            "the file does not hold the weights of a network.",
            where=str(path),
            remedy="Give the file that holds its state_dict.",
        )
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def describe(state: Mapping[str, Tensor]) -> Published:
    """Return the network that the shapes of a published state imply; a state of DSTA-Net has no pyramid.

    Scalars that are not in the state (lambda, alpha, beta) are those of the program. The stride of the last block is
    not in it either: it is taken to be 2 if that block has a shortcut in time, as in every published configuration.
    """
    blocks = list(_blocks(state))
    frames, joints = _get(state, f"{blocks[0]}.pes.pe").shape[2:]
    encoder = EncoderConfig(
        blocks=tuple(map(partial(_block, state), blocks, _strides(state, blocks))),
        heads=_get(state, "graph_layers.0.alphas").shape[1],
        temporal="attention" if "graph_layers.0.in_nett.weight" in state else "convolution",
        temporal_map="graph_layers.0.attention0t" in state,
    )
    pyramid = PyramidConfig(scale="product", bodies_from="joints") if "mlp.0.weight" in state else None
    return Published(ModelConfig(encoder, persons="all"), pyramid, joints, frames, _get(state, "fc.bias").shape[0])


def renamed(state: Mapping[str, Tensor], ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a published state under the names of `ours`; CheckpointError for unknown, missing or misshapen weights."""
    theirs = {name: published_name(name) for name in ours}
    given = {name for name in state if not name.endswith(COMPUTED)}
    _refuse("does not know", given - set(theirs.values()))
    _refuse("misses", set(theirs.values()) - given)
    misshapen = {theirs[name] for name in ours if state[theirs[name]].shape != ours[name].shape}
    _refuse("has another shape for", misshapen)
    return {name: state[theirs[name]] for name in ours}


def published_name(name: str) -> str:
    """Return the name in the published programs of our weight `name`."""
    for ours, theirs in NAMES.items():
        name = name.replace(ours, theirs)
    return name


def _refuse(what: str, names: set[str]) -> None:
    if names:
        raise CheckpointError(
            f"the network {what} {', '.join(sorted(names))}.",
            remedy="Give a checkpoint of the published PSP Learning or DSTA-Net program.",
        )


def _blocks(state: Mapping[str, Tensor]) -> Iterator[str]:
    for number in count():
        if number and not any(name.startswith(f"graph_layers.{number}.") for name in state):
            return
        yield f"graph_layers.{number}"


def _strides(state: Mapping[str, Tensor], blocks: Sequence[str]) -> list[int]:
    frames = [_get(state, f"{block}.pes.pe").shape[2] for block in blocks]
    last = 2 if f"{blocks[-1]}.downt2.0.weight" in state else 1
    return [round(before / after) for before, after in pairwise(frames)] + [last]


def _block(state: Mapping[str, Tensor], block: str, stride: int) -> tuple[int, int, int, int]:
    queries_keys, inputs = _get(state, f"{block}.in_nets.weight").shape[:2]
    heads = _get(state, f"{block}.alphas").shape[1]
    return inputs, _get(state, f"{block}.ff_nets.0.weight").shape[0], queries_keys // (2 * heads), stride


def _get(state: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in state:
        _refuse("misses", {name})
    return state[name]


def _torch_file(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise CheckpointError(
            "the file is missing, damaged or holds more than weights.",
            where=str(path),
            remedy="Save its state_dict alone with torch.save and give that file.",
        ) from error
