"""Whether an exported recogniser computes what preparation, batches and network compute in PyTorch."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Float, Float32, Float64

from psp.preprocess.normalise import normalise
from psp.dataset.store import Store, open_store
from psp.dataset.writer import StoreWriter
from psp.deploy.clips import Recognises, padded
from psp.deploy.recogniser import reading_of
from psp.errors import StoreError
from psp.evaluate.predict import predict_clips
from psp.skeleton.clip import Clip
from psp.skeleton.layout import Layout
from psp.skeleton.layouts import layout_by_name
from psp.train.run import StoredRun

BATCHES = (1, 2, 5, 16)
LONGEST = 150


@dataclass(frozen=True)
class Agreement:
    """On how many random and stored clips two programs were compared, and their largest difference of probability."""

    random_clips: int
    stored_clips: int
    largest_difference: float


def agreement(run: StoredRun, recogniser: Recognises, seed: int = 0) -> Agreement:
    """Compare a recogniser of recordings with the run's own network behind normalisation and batches of a store.

    Random clips have 1 to 150 frames and 1 to all persons, in batches of 1, 2, 5 and 16. Stored clips are left out if
    the run's store is no longer there.
    """
    layout = layout_by_name(run.store_facts["layout"])
    draw = np.random.default_rng(seed)
    drawn = [random_clip(draw, layout, recogniser.persons) for _ in range(sum(BATCHES))]
    stored = _stored_clips(run)
    expected = expected_probabilities(run, layout, drawn + stored)
    found, start = [], 0
    for size in (*BATCHES, len(stored)):
        if size:
            found.append(recogniser.predict(*padded((drawn + stored)[start : start + size], recogniser)))
        start += size
    difference = float(np.abs(np.concatenate(found) - expected).max())
    return Agreement(len(drawn), len(stored), difference)


def expected_probabilities(
    run: StoredRun, layout: Layout, clips: list[Float64[np.ndarray, "_ _ v 3"]]
) -> Float32[np.ndarray, "n k"]:
    """Normalise recordings as the run's were, store them and predict the store."""
    preprocessing, kind = run.store_facts.get("preprocessing", {}), reading_of(run).normalise
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        with StoreWriter(
            path, dataset="agreement", layout=layout, classes=["any"], preprocessing=preprocessing, source="random"
        ) as writer:
            for number, joints in enumerate(clips):
                ready = joints if kind is None else normalise(joints, layout, kind)
                writer.add(Clip(f"{number:04d}", ready.astype(np.float32)))
        return predict_clips(run.folder.path, open_store(path), "cpu")[1].numpy()


def random_clip(draw: np.random.Generator, layout: Layout, persons: int) -> Float64[np.ndarray, "m t v 3"]:
    """Somebody of impossible shape who wanders through a room; now and then a joint or a person is not seen."""
    shape = (int(draw.integers(1, persons + 1)), int(draw.integers(1, LONGEST + 1)), len(layout.joints))
    pose = draw.normal(0, 0.4, (shape[0], 1, shape[2], 3))
    way = draw.normal(0, 0.05, (*shape[:2], 1, 3)).cumsum(axis=1)
    joints = pose + way + draw.normal(0, 0.02, (*shape, 3)) + [0.2, 0.1, 3.0]
    joints[draw.random(shape) < 0.02] = 0
    joints[1:, draw.random(shape[1]) < 0.1] = 0
    return joints


def _stored_clips(run: StoredRun) -> list[Float64[np.ndarray, "_ _ v 3"]]:
    try:
        store = open_store(run.store_facts["path"])
    except StoreError:
        return []
    return [clip.astype(np.float64) for clip in _spread(store)]


def _spread(store: Store) -> list[Float[np.ndarray, "_ _ v 3"]]:
    rows = np.unique(np.linspace(0, len(store) - 1, max(BATCHES)).astype(int))
    return [store.clip(int(row)).joints for row in rows]
