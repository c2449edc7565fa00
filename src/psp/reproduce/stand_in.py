"""A stand-in for NTU RGB+D 60: built-in actions written as raw `.skeleton` files under its names, then prepared."""

from pathlib import Path

from psp.preprocess.prepare import prepare
from psp.dataset.store import Store, open_store
from psp.synthetic import SyntheticConfig
from psp.io.write_ntu import write_ntu_folder

CLIPS = 600
STAND_IN = "built-in actions in its place"


def ntu_stand_in(folder: Path, clips: int = CLIPS) -> Store:
    """The stand-in's store in `folder`, made if it is not there: its accuracies say nothing about NTU RGB+D."""
    store = folder / "store"
    if not store.exists():
        write_ntu_folder(folder / "recordings", SyntheticConfig(clips=clips))
        prepare("ntu60", folder / "recordings", store)
    return open_store(store)
