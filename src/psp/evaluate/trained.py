"""A finished run, opened for looking at what it learnt: its network, and batches as it saw them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from psp.batches.loader import Batches
from psp.dataset.split import protocol_by_name, split_store
from psp.dataset.store import Store
from psp.errors import ConfigError
from psp.methods.methods import METHODS
from psp.model.streams import Network
from psp.model.weights import load_network
from psp.train.config import TrainConfig
from psp.train.device import allow_tf32, device_by_name
from psp.train.run import open_run_and_store, require_finished


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network in evaluation mode with its settings, its store and batches of whole clips."""

    config: TrainConfig
    store: Store
    network: Network
    batches: Batches

    def tests(self, name: str = "full") -> Int64[np.ndarray, "s"]:
        """The rows of one of the protocol's test sets, in the order of the sorted clip ids."""
        return split_store(protocol_by_name(self.config.protocol), self.store).tests[name]


def open_trained(
    path: Path | str, store_path: Path | str | None = None, weights: str = "average", device: str = "auto"
) -> Trained:
    """Open a finished run with its `average` or `last` weights; `store_path` is needed only if the store has moved."""
    run, store = open_run_and_store(Path(path), None if store_path is None else Path(store_path))
    require_finished(run)
    place = device_by_name(device)
    allow_tf32(run.config.precision)
    network = load_network(run.folder.weights(weights)).to(place)
    views, persons = METHODS[run.config.method].views, run.store_facts.get("persons")
    return Trained(run.config, store, network, Batches(store, views, run.config.data, place, persons=persons))


def rows_of(store: Store, ids: list[str]) -> Int64[np.ndarray, "s"]:
    """Where clips with these ids stand in the store; an unknown one raises ConfigError."""
    known = store.clips.row_of_id
    for name in ids:
        if name not in known:
            remedy = f"Name clips as clips.csv of the store does, for example {store.clips.id[0]}."
            raise ConfigError(f"there is no clip {name!r}.", where=str(store.path), remedy=remedy)
    return np.array([known[name] for name in ids], dtype=np.int64)
