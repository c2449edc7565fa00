"""Recognising the clips of a stored data set, or recordings of any known format."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jaxtyping import Float

from psp.dataset.build import prepare
from psp.dataset.store import Store, open_store
from psp.deploy.clips import ClipRecogniser
from psp.deploy.load import load
from psp.deploy.recogniser import Recogniser
from psp.errors import RecordingError
from psp.evaluate.arrays import cleaning
from psp.evaluate.predict import predict_store
from psp.io.base import READERS, Reader, detect_format, open_reader
from psp.model.model_file import Interface


@dataclass(frozen=True, eq=False)
class Predictions:
    """Class probabilities of clips, with their ids and the names of the classes."""

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    probabilities: Float[np.ndarray, "n k"]

    @property
    def labels(self) -> list[str]:
        """The most probable class of each clip."""
        return [self.classes[number] for number in self.probabilities.argmax(axis=1)]


def predict_source(
    model: Path | str,
    source: Path | str,
    format: str | None = None,
    device: str = "cpu",
    workers: int | None = None,
) -> Predictions:
    """Return the predictions of a run folder, model.safetensors or .onnx file for a prepared store or for recordings.

    Recordings of any known format (by default it is found out) are cleaned and normalised as the model expects.
    A source of another layout, other coordinates or another vertical axis raises an error.
    """
    recogniser, path = load(model, device), Path(source)
    if (path / "manifest.json").is_file() and format is None:
        return _of_store(recogniser, open_store(path))
    reader = _reader(path, format, recogniser.interface)
    interface = recogniser.interface
    with TemporaryDirectory() as folder:
        prepared = Path(folder) / "store"
        prepare(reader, prepared, clean=cleaning(interface), normalise=interface.normalise, workers=workers)
        return _of_store(recogniser, open_store(prepared))


def _of_store(recogniser: ClipRecogniser, store: Store) -> Predictions:
    recogniser.interface.require_prepared_alike(store)
    if isinstance(recogniser, Recogniser):
        found = predict_store(recogniser.model, store).numpy()
    else:
        found = recogniser.predict_store(store)
    return Predictions(tuple(map(str, store.clips.id)), recogniser.classes, found)


def _reader(source: Path, format: str | None, interface: Interface) -> Reader:
    """Return a reader of recordings as the model expects them; own arrays are taken to be of its layout."""
    name = detect_format(source) if format is None else format
    known = READERS[name].options if name in READERS else ()
    options: dict[str, Any] = {"layout": interface.layout, "up": interface.up}
    reader = open_reader(source, name, **{key: value for key, value in options.items() if key in known})
    if reader.layout != interface.layout:
        what = f"these recordings are of layout {reader.layout.name!r}, the model is for {interface.layout.name!r}."
        raise RecordingError(what, where=str(source), remedy="Use recordings of that layout, or another model.")
    if reader.up != interface.up:
        what = f"in these recordings {reader.up} points up, the model expects {interface.up}."
        raise RecordingError(what, where=str(source), remedy="Turn the recordings, or use another model.")
    return reader
