import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from psp.batches.loader import BatchConfig, Batches
from psp.batches.resample import SampleConfig
from psp.dataset.split import protocol_by_name, split
from psp.dataset.store import open_store
from psp.errors import CheckpointError
from psp.evaluate.evaluate import evaluate_run
from psp.evaluate.predict import predict_clips, predict_logits
from psp.model.encoder import EncoderConfig
from psp.model.psp import ModelConfig
from psp.model.weights import load_network
from psp.skeleton.layouts import LAYOUTS
from psp.train.config import TrainConfig
from psp.train.optim import OptimConfig
from psp.train.train import start_run, train_run
from stores import small_store

CONFIG = TrainConfig(
    "synthetic-xsub", "4/class",
    data=BatchConfig(SampleConfig(frames=8)),
    model=ModelConfig(EncoderConfig(((8, 8, 2, 2), (8, 16, 4, 1)), heads=2)),
    optim=OptimConfig("adamw", 1e-2, warmup=1, schedule="cosine"),
    labelled_batch=16, unlabelled_batch=8, labelled_as_unlabelled=True, epochs=30, average=0.9,
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    return train_run(small_store(folder / "store"), CONFIG, folder / "run")


def test_a_prediction_is_the_mean_over_the_stretches_that_are_asked_for(run):
    network, store = load_network(run / "average.safetensors"), open_store(run.parent / "store")
    rows = np.arange(4)

    def predicted(*crops: tuple[float, float]) -> torch.Tensor:
        config = BatchConfig(replace(CONFIG.data.sample, test_crops=crops))
        return predict_logits(network, Batches(store, ("joint", "motion"), config), rows)

    whole, end = predicted((0.0, 1.0)), predicted((0.4, 1.0))
    assert not torch.allclose(whole, end)
    torch.testing.assert_close(predicted((0.0, 1.0), (0.4, 1.0)), (whole + end) / 2)


def test_both_weights_and_every_test_set_are_evaluated(run):
    found = evaluate_run(run, device="cpu")
    assert set(found) == {"average", "last"}
    assert found["last"]["full"].clips == 24
    assert found["last"]["full"].top1 > 40  # four classes that a hand's direction tells apart
    written = json.loads((run / "evaluation.json").read_text())
    assert written["weights"]["last"]["full"]["top1"] == found["last"]["full"].top1


def test_predictions_are_those_of_the_clips_one_by_one(run):
    store = small_store(run.parent / "again")
    network = load_network(run / "average.safetensors")
    batches = Batches(store, ("joint", "motion"), CONFIG.data)
    clips = split(protocol_by_name("synthetic-xsub"), store.clips).tests["full"]
    together = predict_logits(network, batches, clips)
    alone = torch.cat([predict_logits(network, batches, clips[row : row + 1]) for row in range(4)])
    torch.testing.assert_close(together[:4], alone, atol=1e-4, rtol=1e-4)


def test_probabilities_cover_every_clip(run):
    store = small_store(run.parent / "more", clips=8)
    classes, probabilities = predict_clips(run, store, "cpu")
    assert classes == ("class 0", "class 1", "class 2", "class 3")
    np.testing.assert_allclose(probabilities.sum(dim=1), 1, atol=1e-5)


def test_another_store_and_an_unfinished_run_are_refused(run, tmp_path):
    other = small_store(tmp_path / "other", clips=40)
    with pytest.raises(CheckpointError, match="another store"):
        evaluate_run(run, other.path)
    unfinished = start_run(other, replace(CONFIG, budget="2/class"), tmp_path / "run").folder.path
    with pytest.raises(CheckpointError, match="--resume"):
        evaluate_run(unfinished)
    with pytest.raises(CheckpointError, match="not a training run"):
        evaluate_run(tmp_path)


def test_predictions_need_a_finished_run_and_clips_of_its_kind(run, tmp_path):
    store = small_store(tmp_path / "store")
    unfinished = start_run(store, CONFIG, tmp_path / "run").folder.path
    with pytest.raises(CheckpointError, match="--resume"):
        predict_clips(unfinished, store)
    with pytest.raises(CheckpointError, match="normalised in another way"):
        predict_clips(run, replace(store, manifest={"preprocessing": {"normalise": {"centre": "none"}}}))
    with pytest.raises(CheckpointError, match="these clips are ntu25"):
        predict_clips(run, replace(store, layout=LAYOUTS["ntu25"]))


def test_predictions_do_not_depend_on_how_many_persons_other_clips_have(run, tmp_path):
    single = small_store(tmp_path / "single", clips=8, persons=1)
    config = json.loads((run / "config.json").read_text())
    assert config["store"]["persons"] == 2
    _, with_slots = predict_clips(run, single, "cpu")
    shutil.copytree(run, tmp_path / "older")
    for fact in ("persons", "preprocessing"):
        del config["store"][fact]
    (tmp_path / "older/config.json").write_text(json.dumps(config))
    _, without = predict_clips(tmp_path / "older", single, "cpu")
    torch.testing.assert_close(with_slots, without, atol=1e-5, rtol=1e-5)  # absent persons are left out of the means
