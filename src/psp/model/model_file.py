"""A trained model as one safetensors file: the weights, and a header with all facts needed to recognise recordings."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from psp.batches.batch import DataConfig
from psp.batches.modalities import check_modalities
from psp.config.json_file import parse_json
from psp.config.override import as_plain, override
from psp.dataset.store import Store
from psp.errors import CheckpointError, PSPError
from psp.files import open_regular, write_atomically
from psp.model.backbone import ModelConfig
from psp.model.predictor import Fusion, Predictor, make_predictor
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormaliseConfig
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Up
from psp.versions import versions_of

HEADER, FORMAT = "psp", 2

DAMAGED = (LookupError, TypeError, ValueError, AttributeError, RuntimeError, PSPError)
"""The errors that building a model from a damaged header may raise."""


@dataclass(frozen=True)
class Interface:
    """The input and output of a model: layout, coordinates, preparation, resampling and class names.

    `persons` is the number of person slots in training, `up` the axis that points up in recordings before preparation,
    `normalise` and `clean` are the settings of the preparation. `facts` records the origin: data set, configuration
    hash, label budget, versions.
    """

    layout: Layout
    classes: tuple[str, ...]
    data: DataConfig
    normalise: NormaliseConfig
    clean: CleanConfig | None
    up: Up
    channels: int
    persons: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prepared_up(self) -> Up:
        """The axis that points up after normalisation."""
        return self.normalise.vertical(self.up)

    def require_prepared_alike(self, store: Store) -> None:
        """Raise CheckpointError for a store of another layout or in other coordinates than the model was trained on."""
        where = str(store.path or "the clips in memory")
        if store.layout != self.layout:
            what = f"these clips are of layout {store.layout.name!r}, the model was trained on {self.layout.name!r}."
            raise CheckpointError(what, where=where, remedy="Prepare the recordings with the layout of the model.")
        if (store.normalise, store.channels, store.up) != (self.normalise, self.channels, self.prepared_up):
            what = "these clips were normalised differently from those that the model was trained on."
            remedy = f"Prepare them with {as_plain(self.normalise)}, {self.channels} coordinates and up {self.up}."
            raise CheckpointError(what, where=where, remedy=remedy)


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A predictor in evaluation mode with its interface."""

    predictor: Predictor
    interface: Interface

    def save(self, path: Path, state: Mapping[str, Tensor] | None = None) -> None:
        """Write the model atomically, with `state` instead of its own weights if given."""
        content = self.content(state)
        write_atomically(path, lambda temporary: temporary.write_bytes(content))

    def content(self, state: Mapping[str, Tensor] | None = None) -> bytes:
        """Return the content of the model's file, with `state` instead of its own weights if given."""
        tensors = {name: value.contiguous() for name, value in (state or self.predictor.state_dict()).items()}
        header = header_of(self)
        return save(tensors, {HEADER: json.dumps({**header, "sha256": _digest(header, tensors)})})

    def require_prepared_alike(self, store: Store) -> None:
        """Raise CheckpointError for a store of another layout or in other coordinates than the model was trained on."""
        self.interface.require_prepared_alike(store)


def interface_of(store: Store, data: DataConfig, persons: int, facts: Mapping[str, Any]) -> Interface:
    """Return the interface of a model that is trained on a store."""
    return Interface(
        store.layout,
        store.classes,
        data,
        store.normalise,
        store.clean,
        store.recorded_up,
        store.channels,
        persons,
        facts,
    )


def load_model(path: Path) -> TrainedModel:
    """Return a model that `TrainedModel.save` wrote; CheckpointError if the file is damaged or of another version."""
    metadata, state = read_safetensors(path)
    remedy = "Name the model.safetensors of a run of this version of psp, or train the run again."
    header = read_header(metadata, str(path), remedy)
    try:
        if header.pop("sha256", None) not in (None, _digest(header, state)):
            raise ValueError("its content does not have the stated sha256")
        interface = interface_from(header)
        _check_shapes(header["predictor"], interface, state)
        with torch.random.fork_rng(()):
            predictor = _predictor(header["predictor"], interface)
        predictor.load_state_dict(state)
    except DAMAGED as error:
        reason = str(error).partition("\n")[0]
        what = f"the model cannot be built from this file ({reason})."
        raise CheckpointError(what, where=str(path), remedy=remedy) from error
    return TrainedModel(predictor.eval().requires_grad_(False), interface)


def is_model(path: Path) -> bool:
    """Return whether a model can be read from a file."""
    try:
        load_model(path)
    except CheckpointError:
        return False
    return True


def read_header(metadata: Mapping[str, str], where: str, remedy: str) -> dict[str, Any]:
    """Return the header in the metadata of a file; CheckpointError if it is missing or of another format."""
    if HEADER not in metadata:
        raise CheckpointError("this file is not a model of psp.", where=where, remedy=remedy)
    header = parse_json(metadata[HEADER], {"format?": int}, CheckpointError, where, remedy)
    if header.get("format") != FORMAT:
        what = f"this model has format {header.get('format', 1)}, not {FORMAT}."
        raise CheckpointError(what, where=where, remedy=remedy)
    return dict(header)


def read_safetensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return the metadata and the tensors of a file; CheckpointError if it cannot be read."""
    try:
        open_regular(path).close()
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        what, remedy = "the weight file is missing or damaged.", "Check the path or copy it again."
        raise CheckpointError(what, where=str(path), remedy=remedy) from error


def _digest(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Return the sha256 of a header and of the names, types, shapes and bytes of tensors."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        value = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _check_shapes(header: Mapping[str, Any], interface: Interface, state: Mapping[str, Tensor]) -> None:
    """Raise ValueError if a header describes other weights than a file has, before memory is taken for them."""
    with torch.device("meta"):
        described = _predictor(header, interface).state_dict()
    for name, tensor in described.items():
        found = state[name].shape if name in state else None
        if found != tensor.shape:
            raise ValueError(f"the weight {name} has the shape {found}, not {tuple(tensor.shape)}")


def header_of(model: TrainedModel) -> dict[str, Any]:
    """Return the content of the header of a model's file, as JSON values."""
    predictor, interface = model.predictor, model.interface
    return {
        "format": FORMAT,
        "predictor": {
            "model": as_plain(predictor.backbone.config),
            "modalities": predictor.modalities,
            "fusion": predictor.fusion,
        },
        "interface": {
            "layout": interface.layout.to_dict(),
            "classes": interface.classes,
            "data": as_plain(interface.data),
            "normalise": as_plain(interface.normalise),
            "clean": None if interface.clean is None else as_plain(interface.clean),
            "up": interface.up,
            "channels": interface.channels,
            "persons": interface.persons,
            "facts": {**interface.facts, "versions": versions_of("psp-learning", "numpy")},
        },
    }


def interface_from(header: Mapping[str, Any]) -> Interface:
    """Return the interface in a header of this format; raises one of DAMAGED if the header is damaged."""
    header = header["interface"]
    if header["up"] not in get_args(Up):
        raise ValueError(f"up cannot be {header['up']!r}")
    return Interface(
        layout=Layout.from_dict(header["layout"]),
        classes=tuple(map(str, header["classes"])),
        data=override(DataConfig(), header["data"]),
        normalise=override(NormaliseConfig(), header["normalise"]),
        clean=None if header["clean"] is None else override(CleanConfig(), header["clean"]),
        up=header["up"],
        channels=int(header["channels"]),
        persons=int(header["persons"]),
        facts=header["facts"],
    )


def _predictor(header: Mapping[str, Any], interface: Interface) -> Predictor:
    config, fusion = override(ModelConfig(), header["model"]), header["fusion"]
    if fusion not in get_args(Fusion):
        raise ValueError(f"fusion cannot be {fusion!r}")
    modalities = header["modalities"]
    if not isinstance(modalities, list):
        raise ValueError("modalities are a list")
    check_modalities(modalities, interface.layout, interface.prepared_up, interface.channels)
    frames = interface.data.resample.frames
    return make_predictor(interface.layout, frames, len(interface.classes), config, modalities, fusion)
