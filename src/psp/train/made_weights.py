"""Weights of pre-trained encoders by the kind of recordings that they fit: where they are kept and found.

A file is named LAYOUT-3d-y-DIGEST.safetensors: layout, number of coordinates, axis that points up, and the beginning of
the SHA-256 of its content. Those of common layouts come with the package; `psp pretrain` makes others and keeps them in
a folder of the user.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from psp.batches.modalities import MODALITIES
from psp.dataset.store import Store
from psp.errors import CheckpointError
from psp.files import write_atomically
from psp.model.backbone import ModelConfig
from psp.model.model_file import TrainedModel, load_model
from psp.preprocess.normalise import NormaliseConfig
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Up

MADE = "made:"
"""What precedes the name of a weight file where a configuration says what training starts from."""

SHIPPED = Path(__file__).parents[1] / "weights"
"""The folder of the weights that come with the package."""


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of recordings; weights fit those of the same layout, coordinates, vertical axis and normalisation."""

    layout: Layout
    channels: int
    up: Up
    normalise: NormaliseConfig

    @property
    def stem(self) -> str:
        """How the names of the files of weights begin."""
        return f"{re.sub(r'[^0-9A-Za-z_]', '_', self.layout.name)}-{self.channels}d-{self.up}-"

    def fits(self, model: TrainedModel) -> bool:
        """Return whether a model was trained on recordings of this kind."""
        found, up = model.interface, self.normalise.vertical(self.up)
        return (found.layout, found.channels, found.prepared_up, found.normalise) == (
            self.layout, self.channels, up, self.normalise,
        )  # fmt: skip


def kind_of(store: Store) -> Kind:
    """Return the kind of the recordings of a store."""
    return Kind(store.layout, store.channels, store.recorded_up, store.normalise)


def kept_folder() -> Path:
    """Return the folder of the weights made here: PSP_WEIGHTS, or psp in the user's folder of cached files."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("PSP_WEIGHTS") or Path(cache) / "psp")


def keep_weights(model: TrainedModel, kind: Kind, folder: Path) -> Path:
    """Write a model in half precision under the name of its kind and content, and return its path."""
    state = model.predictor.state_dict()
    content = model.content({name: each.half() if each.is_floating_point() else each for name, each in state.items()})
    path = folder / f"{kind.stem}{hashlib.sha256(content).hexdigest()[:8]}.safetensors"
    write_atomically(path, lambda temporary: temporary.write_bytes(content))
    return path


def made_weights(
    kind: Kind, networks: ModelConfig, modalities: Sequence[str], only_shipped: bool = False
) -> str | None:
    """Return the name of weights for recordings of a kind and encoders of those modalities; None if there are none.

    Those that were made here come first, the latest before all others; `only_shipped` leaves them out.
    Modalities of several persons are not needed: generated recordings are of one, so their encoders start at random.
    """
    needed = {name for name in modalities if not MODALITIES[name].needs_persons}
    for folder in (SHIPPED,) if only_shipped else (kept_folder(), SHIPPED):
        paths = folder.glob(f"{kind.stem}*.safetensors")
        for path in sorted(paths, key=lambda each: (-each.stat().st_mtime_ns, each.name)):
            model = _loaded(path)
            backbone = model.predictor.backbone
            alike = backbone.config.encoder == networks.encoder and networks.networks == "own"
            if alike and kind.fits(model) and needed <= set(backbone.modalities):
                return f"{MADE}{path.stem}"
    return None


def made_state(name: str, modalities: Sequence[str]) -> dict[str, Tensor]:
    """Return the state of the encoders of a backbone with those modalities, where the weights called `name` have them.

    CheckpointError if there are no such weights here.
    """
    stem = name.removeprefix(MADE)
    paths = [folder / f"{stem}.safetensors" for folder in (SHIPPED, kept_folder())]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        remedy = (
            "Copy them from the machine that made them, or make them with 'psp pretrain', or train with --init none."
        )
        raise CheckpointError(f"the weights {stem} are not here.", where=str(kept_folder()), remedy=remedy)
    backbone = _loaded(path).predictor.backbone
    return {
        f"encoders.{number}.{key}": value.float()
        for number, modality in enumerate(modalities)
        if modality in backbone.modalities
        for key, value in backbone.encoders[backbone.number(modality)].state_dict().items()
    }


@lru_cache(maxsize=2)
def _loaded(path: Path) -> TrainedModel:
    """Return the model in a file of weights, whose name changes with its content."""
    return load_model(path)
