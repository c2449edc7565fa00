import numpy as np
import pytest
import torch

from psp.evaluate.embed import ENCODER, Embedding, embed_clips, embed_run, separability
from psp.evaluate.predict import predict_logits
from psp.evaluate.trained import open_trained
from psp.train.api import make_task, train_run
from runs import SMALL_RUN, small_run, with_stage
from stores import small_store


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("embed")
    task = make_task(small_store(folder / "store"), "2/class", "synthetic-xsub")
    return train_run(task, with_stage(SMALL_RUN, epochs=1), folder / "run")


def test_there_are_features_of_every_modality_and_level(run):
    found = embed_run(run, device="cpu")
    shapes = {name: {kind: each.shape for kind, each in kinds.items()} for name, kinds in found.features.items()}
    assert shapes == dict.fromkeys(("joint", "motion"), dict.fromkeys((ENCODER, "body", "part", "joint"), (24, 8)))
    assert np.array_equal(found.labels, open_trained(run, device="cpu").store.clips.label[found.index])


def test_modalities_that_were_not_contrasted_have_no_levels(tmp_path):
    task = make_task(small_store(tmp_path / "store"), "2/class", "synthetic-xsub")
    run = train_run(task, with_stage(small_run("psp-mean-teacher"), epochs=1), tmp_path / "run")
    found = embed_run(run, ["clip001"], device="cpu").features
    assert [name for name, kinds in found.items() if "part" in kinds] == ["joint", "velocity"]
    assert all(ENCODER in kinds for kinds in found.values())


def test_the_fused_encoder_features_are_what_the_classifier_judges(run):
    trained = open_trained(run, device="cpu")
    predictor, index = trained.model.predictor, trained.test_index()
    fused = torch.from_numpy(embed_clips(predictor, trained.maker, index).fused())
    judged = 2 * predictor.classifier("joint")(fused)  # FC(a) + FC(b) = 2 FC((a + b) / 2)
    torch.testing.assert_close(judged, predict_logits(predictor, trained.maker, index), atol=1e-4, rtol=1e-4)


def test_features_of_own_networks_stand_side_by_side():
    features = {"joint": {ENCODER: np.array([[3.0, 4.0]])}, "distance": {ENCODER: np.array([[0.0, 2.0]])}}
    found = Embedding(np.array([0]), np.array([1]), features, networks="own")
    np.testing.assert_allclose(found.fused(), [[0.6, 0.8, 0.0, 1.0]])
    assert found.of_classes([1]).networks == "own"


def test_chosen_clips_have_the_features_that_they_have_among_others(run):
    every, few = embed_run(run, device="cpu"), embed_run(run, ["clip013", "clip004"], device="cpu")
    place = [every.index.tolist().index(number) for number in (13, 4)]
    assert few.index.tolist() == [13, 4]
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
