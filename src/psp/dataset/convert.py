"""A data set converted to another layout, vertical axis and normalisation, such as those of a model."""

import os
from collections.abc import Iterator
from pathlib import Path

from psp.dataset.store import AS_RECORDED, Store, open_store
from psp.dataset.writer import StoreWriter
from psp.errors import StoreError
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormaliseConfig
from psp.preprocess.prepare import prepare_recording
from psp.skeleton.convert import conversion, turned
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip, Up, recording_of_clip

AS_STORED = CleanConfig(bodies=None, drop_empty_frames=False)


def convert_store(
    store: Store, layout: Layout, up: Up, normalise: NormaliseConfig, dest: str | os.PathLike[str] | None = None
) -> tuple[Store, str]:
    """Return a data set with another layout and vertical axis, and a sentence that says what was changed.

    `up` is the axis that points up in the recordings of the new data set. Joints are found by their names
    (`psp.skeleton.convert`); then clips are turned and normalised again, which does not change clips that were already
    normalised in that way. The new data set is written at `dest`, which must not exist, or is kept in memory.
    RecordingError names joints that are missing; StoreError is raised if the clips were normalised differently.
    """
    if store.normalise not in (normalise, AS_RECORDED):
        remedy = "Prepare the recordings again with the normalisation of the model."
        raise StoreError("the clips were normalised differently from the model.", where=str(store.path), remedy=remedy)
    change, axis = conversion(store.layout, layout), normalise.vertical(up)

    def clips() -> Iterator[Clip]:
        for number in range(len(store)):
            recording = turned(recording_of_clip(store.clip(number), store.up), axis)
            yield prepare_recording(change(recording), layout, AS_STORED, normalise)[0]

    if dest is None:
        found = Store.in_memory(
            list(clips()), layout, store.classes, up=axis, dataset=store.dataset, normalise=normalise, clean=store.clean
        )
        return found, change.sentence
    with StoreWriter(
        dest, layout=layout, classes=store.classes, dataset=store.dataset, up=axis, normalise=normalise,
        clean=store.clean, source=str(store.manifest.get("source", "")),
    ) as writer:  # fmt: skip
        for clip in clips():
            writer.add(clip)
        writer.manifest_extra |= {"recorded up": up, "notes": [change.sentence]}
    return open_store(Path(dest)), change.sentence
