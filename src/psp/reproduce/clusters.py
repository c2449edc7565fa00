"""Labels chosen by K-means, for AL+K: one clip of every cluster, the nearest to its centre."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Int64
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from psp.dataset.budget import LabelBudget
from psp.dataset.store import Store
from psp.label.features import joint_features
from psp.train.run_folder import Task


@lru_cache(maxsize=1)
def cluster_labels(task: Task) -> LabelBudget:
    """Return as many labels as the budget of a task has, of the training clips nearest to the centres of K-means.

    The features are principal components of joints and motion. The clips are chosen without their labels, so classes
    may get different numbers of labels, or none. Clips without a label in the data set cannot be chosen; labels that do
    not come from it, and those of all clips, are returned as they are. The last choice is kept,
    because both protocols of the comparison ask for it. One thread chooses, because the order of sums, and with it the
    choice, depends on the number of threads.
    """
    store, given = task.store, task.labels
    if given.labels is not None:
        return given
    with threadpool_limits(1):
        index, features = _clips_with_a_label(store, task.split.train)
        if len(given.ids) >= len(index):
            return given
        found = KMeans(len(given.ids), n_init=1, random_state=given.seed).fit(features)
        nearest = {int(np.argmin(row)) for row in found.transform(features).T}
    ids = sorted(str(store.clips.id[index[number]]) for number in nearest)
    return LabelBudget(f"clusters of {given.spec}", given.split, given.seed, tuple(ids))


@lru_cache(maxsize=1)
def _clips_with_a_label(
    store: Store, ids: tuple[str, ...]
) -> tuple[Int64[np.ndarray, "n"], Float32[np.ndarray, "n d"]]:
    """Return the indices and features of the clips that have a label; the last ones are kept for other budgets."""
    index = store.clips.indices_of(ids)
    index = index[store.clips.label[index] >= 0]
    return index, joint_features(store, index)
