"""Labels chosen by K-means, for AL+K: one clip of every cluster, the nearest to its centre."""

import numpy as np
from sklearn.cluster import KMeans

from psp.dataset.labels import LabelBudget
from psp.label.features import joint_features
from psp.train.run_folder import Task


def cluster_labels(task: Task) -> LabelBudget:
    """Return as many labels as the budget of a task has, of the training clips nearest to the centres of K-means.

    The features are principal components of joints and motion. The clips are chosen without their labels, so classes
    may get different numbers of labels, or none. Clips without a label cannot be chosen.
    """
    store, split, given = task.store, task.split, task.labels
    index = split.train_index(store)
    index = index[store.clips.label[index] >= 0]
    features = joint_features(store, index)
    found = KMeans(len(given.ids), n_init=1, random_state=given.seed).fit(features)
    nearest = {int(np.argmin(row)) for row in found.transform(features).T}
    ids = sorted(str(store.clips.id[index[number]]) for number in nearest)
    return LabelBudget(f"clusters of {given.spec}", given.split, given.seed, tuple(ids))
