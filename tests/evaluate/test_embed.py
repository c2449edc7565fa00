from dataclasses import replace

import numpy as np
import pytest
import torch

from psp.evaluate.embed import ENCODER, Embedding, embed_clips, embed_run, separability
from psp.evaluate.predict import predict_logits
from psp.evaluate.trained import open_trained
from psp.train.train import train_run
from runs import SMALL_RUN
from stores import small_store


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("embed")
    return train_run(small_store(folder / "store"), replace(SMALL_RUN, epochs=1), folder / "run")


def test_there_are_features_of_every_view_and_level(run):
    found = embed_run(run, device="cpu")
    shapes = {view: {kind: rows.shape for kind, rows in kinds.items()} for view, kinds in found.features.items()}
    assert shapes == dict.fromkeys(("joint", "motion"), dict.fromkeys((ENCODER, "body", "part", "joint"), (24, 8)))
    assert np.array_equal(found.labels, open_trained(run, device="cpu").store.clips.label[found.clips])


def test_the_fused_encoder_features_are_what_the_classifier_judges(run):
    trained = open_trained(run, device="cpu")
    rows = trained.tests()
    fused = torch.from_numpy(embed_clips(trained.network, trained.batches, rows).fused())
    judged = 2 * trained.network.classifier(fused)  # FC(a) + FC(b) = 2 FC((a + b) / 2)
    torch.testing.assert_close(judged, predict_logits(trained.network, trained.batches, rows), atol=1e-4, rtol=1e-4)


def test_features_of_networks_of_their_own_stand_side_by_side():
    views = {"joint": {ENCODER: np.array([[3.0, 4.0]])}, "distance": {ENCODER: np.array([[0.0, 2.0]])}}
    found = Embedding(np.array([0]), np.array([1]), views, networks="own")
    np.testing.assert_allclose(found.fused(), [[0.6, 0.8, 0.0, 1.0]])
    assert found.of_classes([1]).networks == "own"


def test_chosen_clips_have_the_features_that_they_have_among_others(run):
    every, few = embed_run(run, device="cpu"), embed_run(run, ["clip013", "clip004"], device="cpu")
    place = [every.clips.tolist().index(row) for row in (13, 4)]
    assert few.clips.tolist() == [13, 4]
    np.testing.assert_allclose(few.fused("part"), every.fused("part")[place], atol=1e-5)


def test_classes_can_be_picked(run):
    every = embed_run(run, device="cpu")
    some = every.of_classes([0, 3])
    assert set(some.labels) == {0, 3}
    assert np.array_equal(some.fused(), every.fused()[np.isin(every.labels, [0, 3])])


def test_clusters_of_one_class_each_are_separable():
    labels = np.arange(60) % 3
    features = np.eye(3)[labels] + np.random.default_rng(0).normal(0, 0.01, (60, 3))
    found = separability(features, labels)
    assert found.silhouette == pytest.approx(1, abs=0.01)
    assert found.neighbours == 100


def test_neighbours_are_counted_without_the_clip_itself():
    features = np.random.default_rng(1).normal(size=(40, 5))
    labels = np.arange(40) % 2
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    nearest = (unit @ unit.T - 9 * np.eye(40)).argsort(axis=1)[:, -5:]
    majority = (labels[nearest].mean(axis=1) > 0.5).astype(int)
    assert separability(features, labels).neighbours == pytest.approx(100 * (majority == labels).mean())
