"""Which clips are proposed next."""

import numpy as np
import pytest

from psp.evaluate.embed import unit
from psp.label.features import Recognised, joint_features
from psp.label.groups import MOST, sure_groups
from psp.label.select import Pool, clusters, least_margin, nearest_to_centres, propose, typical
from stores import own_store

CLUSTERS, SIZE = 6, 15


@pytest.fixture(scope="module")
def features():
    """Six clusters of fifteen clips each, and the last one of three more."""
    draw = np.random.default_rng(0)
    centres = np.eye(8)[:CLUSTERS]
    rows = np.repeat(centres, SIZE, axis=0) + draw.normal(0, 0.05, (CLUSTERS * SIZE, 8))
    return unit(np.vstack([rows, centres[-1] + draw.normal(0, 0.05, (3, 8))]))


def cluster_of(rows):
    return sorted(min(row // SIZE, CLUSTERS - 1) for row in rows)


def pool_of(features, labels=(), **more):
    found = np.full(len(features), -1)
    for row, label in dict(labels).items():
        found[row] = label
    return Pool(features, found, found < 0, **more)


def test_the_first_clips_are_the_central_ones_of_every_cluster(features):
    open = np.ones(len(features), dtype=bool)
    found = nearest_to_centres(features, open, CLUSTERS)
    assert cluster_of(found) == list(range(CLUSTERS))
    for row in found:
        own = features[row // SIZE * SIZE : row // SIZE * SIZE + SIZE]
        distances = np.linalg.norm(own - own.mean(axis=0), axis=1)
        assert np.linalg.norm(features[row] - own.mean(axis=0)) <= np.median(distances)


def test_typical_clips_are_of_clusters_without_a_label_and_the_densest_there(features):
    labelled = np.zeros(len(features), dtype=bool)
    labelled[[0, SIZE]] = True
    found = typical(features, labelled, ~labelled, CLUSTERS - 2)
    assert cluster_of(found) == [2, 3, 4, 5]
    assert min(found[0] // SIZE, CLUSTERS - 1) == 5  # the largest cluster comes first
    for row in found[1:]:
        own = features[row // SIZE * SIZE : row // SIZE * SIZE + SIZE]
        spread = [np.linalg.norm(own - each, axis=1).mean() for each in own]
        assert spread[row % SIZE] <= np.median(spread)


def test_more_typical_clips_than_clusters_are_still_different_open_clips(features):
    open = np.zeros(len(features), dtype=bool)
    open[::4] = True
    found = typical(features, ~open, open, int(open.sum()))
    assert sorted(found) == np.flatnonzero(open).tolist()


def test_margins_are_those_of_the_two_most_probable_classes():
    probabilities = np.array([[0.5, 0.4, 0.1], [0.34, 0.33, 0.33], [0.9, 0.1, 0.0], [0.5, 0.49, 0.01]])
    open = np.array([True, True, True, False])
    assert least_margin(probabilities, open, 2) == [1, 0]


def test_every_fifth_query_is_random_whatever_was_asked_before(features):
    pool = pool_of(features, {0: 0, 20: 1})
    for asked in (0, 3, 4):
        hows = [how for _, how in propose(pool, 10, asked=asked)]
        assert [(asked + n) % 5 == 4 for n in range(10)] == [how == "random" for how in hows]


def test_the_criterion_follows_what_is_known(features):
    certain = np.full((len(features), 2), 0.5)
    many = {row: row % 2 for row in range(22)}

    def hows(pool, select):
        return {how for _, how in propose(pool, 5, select, every=0)}

    assert hows(pool_of(features), "typical") == {"centre"}
    assert hows(pool_of(features, {0: 0}), "typical") == {"typical"}
    assert hows(pool_of(features, {0: 0}, probabilities=certain), "typical") == {"typical"}
    assert hows(pool_of(features, many, probabilities=certain), "typical") == {"margin"}
    assert hows(pool_of(features, {0: 0}, probabilities=certain), "uncertain") == {"margin"}
    assert hows(pool_of(features, {0: 0}), "uncertain") == {"typical"}
    assert hows(pool_of(features), "random") == {"random"}


@pytest.mark.parametrize("select", ["random", "typical", "uncertain"])
def test_proposals_are_different_open_clips_and_reproducible(features, select):
    pool = pool_of(features, dict.fromkeys(range(0, 80), 0))
    found = propose(pool, 40, select, asked=3, seed=7)
    rows = [row for row, _ in found]
    assert sorted(rows) == list(range(80, len(features)))  # there are fewer than were asked for
    assert found == propose(pool, 40, select, asked=3, seed=7)


def test_random_queries_are_evenly_distributed(features):
    pool, count = pool_of(features), np.zeros(len(features))
    for seed in range(300):
        for row, _ in propose(pool, 5, "random", seed=seed):
            count[row] += 1
    expected = count.mean()
    assert ((count - expected) ** 2 / expected).sum() < 140  # chi-square of 92 degrees of freedom: 140 is beyond 99.9 %


def test_features_of_joints_separate_the_classes_better_than_chance():
    store = own_store(None, clips=48)
    found = joint_features(store, np.arange(48))
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    nearest = np.argsort(found @ found.T, axis=1)[:, -2]
    labels = store.clips.label
    assert (labels[nearest] == labels).mean() > 0.6


def test_sure_groups_are_of_one_cluster_and_one_class(features):
    probabilities = np.full((len(features), 3), [0.04, 0.04, 0.92])
    probabilities[:SIZE] = [0.95, 0.03, 0.02]
    probabilities[SIZE : 2 * SIZE] = [0.5, 0.3, 0.2]
    found = Recognised(features, probabilities, ("wave", "walk", "jump"))
    open = np.ones(len(features), dtype=bool)
    open[0] = False
    groups = sure_groups(found, clusters(features, CLUSTERS), open)
    assert {(label, min(rows[0] // SIZE, 5)) for label, rows in groups} == {
        ("wave", 0),
        ("jump", 2),
        ("jump", 3),
        ("jump", 4),
        ("jump", 5),
    }
    assert all(len(set(cluster_of(rows))) == 1 and 0 not in rows and len(rows) <= MOST for _, rows in groups)
    assert groups[0][1][0] // SIZE >= 5  # the largest first
