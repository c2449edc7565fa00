"""Active selection: which unlabelled clips to label next.

The first clips are those nearest to K-means centres of the features. Later ones are chosen by TypiClust (Hacohen,
Dekel and Weinshall 2022): the features are divided into as many clusters as there are labels and queries, and the
densest clip of each of the largest clusters without a label is taken. The clips with the smallest margin between the
two most probable classes are worth more only once there are many labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int64
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.neighbors import NearestNeighbors

Criterion = Literal["random", "typical", "uncertain"]
How = Literal["random", "centre", "typical", "margin"]

EVERY = 5
"""Every fifth query is drawn at random: accuracy can be estimated from these alone."""

MANY = 10
"""The number of labels per class past which margins are used."""

NEIGHBOURS, FEW = 20, 50
"""Neighbours by which the density is measured, and the number of clusters from which K-means uses mini-batches."""


@dataclass(frozen=True, eq=False)
class Pool:
    """What is known of the n clips among which to choose.

    `features` are rows of unit length, `labels` the class of each clip, -1 without one. Clips that are not `open` are
    never proposed. `probabilities` are those of the recogniser, None without one. `covered` are the clips that count as
    labelled although their class may not be known yet, because they are proposed already; None for those with a label.
    """

    features: Float[np.ndarray, "n d"]
    labels: Int64[np.ndarray, "n"]
    open: Bool[np.ndarray, "n"]
    probabilities: Float[np.ndarray, "n k"] | None = None
    covered: Bool[np.ndarray, "n"] | None = None

    @property
    def known(self) -> Bool[np.ndarray, "n"]:
        """Which clips count as labelled."""
        return self.labels >= 0 if self.covered is None else self.covered

    @property
    def labels_per_class(self) -> float:
        """The mean number of labels of a class that has any."""
        known = self.labels[self.labels >= 0]
        return len(known) / max(1, len(np.unique(known)))


def propose(
    pool: Pool, count: int, select: Criterion = "typical", *, asked: int = 0, seed: int = 0, every: int = EVERY
) -> list[tuple[int, How]]:
    """Return up to `count` different open clips in the order to ask for them, each with how it was chosen.

    `asked` is the number of earlier queries: every `every`-th one, counted from the first, is random; 0 for none.
    """
    draw = np.random.default_rng((seed, asked))
    count = min(count, int(pool.open.sum()))
    is_random = [select == "random" or bool(every and (asked + n) % every == every - 1) for n in range(count)]
    drawn = draw.permutation(np.flatnonzero(pool.open))[: sum(is_random)].tolist()
    left = pool.open.copy()
    left[drawn] = False
    chosen, how = _chosen(pool, left, count - len(drawn), select, seed)
    parts = {True: iter([(clip, "random") for clip in drawn]), False: iter([(clip, how) for clip in chosen])}
    return [next(parts[each]) for each in is_random]


def _chosen(
    pool: Pool, left: Bool[np.ndarray, "n"], count: int, select: Criterion, seed: int
) -> tuple[Sequence[int], How]:
    if not count:
        return (), "typical"
    if pool.probabilities is not None and (select == "uncertain" or pool.labels_per_class > MANY):
        return least_margin(pool.probabilities, left, count), "margin"
    if not pool.known.any():
        return nearest_to_centres(pool.features, left, count, seed), "centre"
    return typical(pool.features, pool.known, left, count, seed), "typical"


def nearest_to_centres(
    features: Float[np.ndarray, "n d"], open: Bool[np.ndarray, "n"], count: int, seed: int = 0
) -> list[int]:
    """Return the open clips nearest to the centres of `count` clusters of all features, largest cluster first."""
    model = KMeans(count, n_init=4, random_state=seed).fit(features)
    left, found = open.copy(), []
    for centre in np.argsort(-np.bincount(model.labels_, minlength=count), kind="stable"):
        distance = np.linalg.norm(features - model.cluster_centers_[centre], axis=1)
        found.append(int(np.where(left, distance, np.inf).argmin()))
        left[found[-1]] = False
    return found


def typical(
    features: Float[np.ndarray, "n d"],
    labelled: Bool[np.ndarray, "n"],
    open: Bool[np.ndarray, "n"],
    count: int,
    seed: int = 0,
) -> list[int]:
    """Return the densest open clip of each of `count` clusters: those with the fewest labels, the largest first."""
    cluster = clusters(features, int(labelled.sum()) + count, seed)
    size = np.bincount(cluster)
    known = np.bincount(cluster[labelled], minlength=len(size))
    density, left, found = dict[int, np.ndarray](), open.copy(), list[int]()
    while len(found) < count:
        usable = np.bincount(cluster[left], minlength=len(size)) > 0
        order = np.lexsort((-size, known, ~usable))
        at = int(order[0])
        if at not in density:
            density[at] = _density(features[cluster == at])
        members = np.flatnonzero(cluster == at)
        found.append(int(members[np.where(left[members], density[at], -np.inf).argmax()]))
        left[found[-1]] = False
        known[at] += 1
    return found


def clusters(features: Float[np.ndarray, "n d"], count: int, seed: int = 0) -> Int64[np.ndarray, "n"]:
    """Return the K-means cluster of each row."""
    count = min(count, len(features))
    if count <= FEW:
        return KMeans(count, n_init=1, random_state=seed).fit(features).labels_.astype(np.int64)
    model = MiniBatchKMeans(count, n_init=1, batch_size=1024, random_state=seed).fit(features)
    return model.labels_.astype(np.int64)


def least_margin(probabilities: Float[np.ndarray, "n k"], open: Bool[np.ndarray, "n"], count: int) -> list[int]:
    """Return the open clips whose two most probable classes differ least, the least certain first."""
    best = np.sort(probabilities, axis=1)[:, -2:]
    margin = np.where(open, best[:, -1] - best[:, 0] if best.shape[1] > 1 else 1.0, np.inf)
    return [int(clip) for clip in np.argsort(margin, kind="stable")[:count]]


def _density(features: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s"]:
    """Return the inverse mean distance to the nearest neighbours."""
    if len(features) == 1:
        return np.ones(1)
    neighbours = min(NEIGHBOURS, len(features) - 1)
    distance, _ = NearestNeighbors(n_neighbors=neighbours).fit(features).kneighbors()
    return 1 / np.maximum(distance.mean(axis=1), 1e-12)
