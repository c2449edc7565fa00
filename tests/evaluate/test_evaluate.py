import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from psp.batches.batch import BatchSizes, DataConfig
from psp.batches.loader import SampleMaker
from psp.batches.resample import ResampleConfig
from psp.dataset.store import Store, open_store
from psp.errors import CheckpointError
from psp.evaluate.embed import embed_clips
from psp.evaluate.evaluate import evaluate_run
from psp.evaluate.predict import predict_logits, predict_store
from psp.evaluate.predictions import read_predictions
from psp.evaluate.trained import open_model, open_trained
from psp.model.backbone import ModelConfig
from psp.model.encoder import EncoderConfig
from psp.preprocess.normalise import NormaliseConfig
from psp.skeleton.catalogue import layout_by_name
from psp.train.api import make_task, start_run, train_run
from psp.train.config import Stage, TrainConfig
from psp.train.optim import OptimConfig
from psp.train.run_folder import RunFolder
from stores import small_clips, small_store

CONFIG = TrainConfig(
    (
        Stage(
            batch=BatchSizes(16, 8, "train"),
            optim=OptimConfig("adamw", 1e-2, warmup=1, schedule="cosine"),
            epochs=30,
            ema=0.9,
        ),
    ),
    ModelConfig(EncoderConfig(((8, 8, 2, 2), (8, 16, 4, 1)), heads=2)),
    DataConfig(ResampleConfig(frames=8)),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    task = make_task(small_store(folder / "store"), "4/class", "synthetic-xsub")
    return train_run(task, CONFIG, folder / "run")


def test_a_prediction_is_the_mean_over_the_stretches_that_are_asked_for(run):
    trained, index = open_trained(run, device="cpu"), np.arange(4)

    def predicted(*crops: tuple[float, float]) -> torch.Tensor:
        config = DataConfig(replace(CONFIG.data.resample, test_crops=crops))
        return predict_logits(trained.model.predictor, SampleMaker(trained.store, config), index)

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
    trained = open_trained(run, device="cpu")
    predictor, index = trained.model.predictor, trained.test_index()
    together = predict_logits(predictor, trained.maker, index)
    alone = torch.cat([predict_logits(predictor, trained.maker, index[row : row + 1]) for row in range(4)])
    torch.testing.assert_close(together[:4], alone, atol=1e-4, rtol=1e-4)


def test_probabilities_cover_every_clip(run):
    store = small_store(run.parent / "more", clips=8)
    probabilities = predict_store(open_model(run), store)
    assert probabilities.shape == (8, 4)
    np.testing.assert_allclose(probabilities.sum(dim=1), 1, atol=1e-5)


def test_another_store_and_an_unfinished_run_are_refused(run, tmp_path):
    other = small_store(tmp_path / "other", clips=40)
    with pytest.raises(CheckpointError, match="another store"):
        evaluate_run(run, other.path)
    task = make_task(other, "2/class", "synthetic-xsub")
    unfinished = start_run(task, CONFIG, tmp_path / "run").folder.path
    with pytest.raises(CheckpointError, match="--resume"):
        evaluate_run(unfinished)
    with pytest.raises(CheckpointError, match="not a training run"):
        evaluate_run(tmp_path)


def test_predictions_need_clips_prepared_alike(run):
    model, store = open_model(run), open_store(run.parent / "store")
    with pytest.raises(CheckpointError, match="normalised differently"):
        predict_store(model, replace(store, normalise=NormaliseConfig()))
    with pytest.raises(CheckpointError, match="these clips are of layout 'ntu25'"):
        predict_store(model, replace(store, layout=layout_by_name("ntu25")))


def test_absent_persons_do_not_change_predictions(run):
    model = open_model(run)
    single = Store.in_memory(
        list(small_clips(8, persons=1)), model.interface.layout, model.interface.classes,
        up="y", normalise=model.interface.normalise,
    )  # fmt: skip
    logits = [
        predict_logits(model.predictor, SampleMaker(single, model.interface.data, persons=persons), np.arange(8))
        for persons in (1, 2)
    ]
    assert model.interface.persons == 2
    torch.testing.assert_close(*logits, atol=1e-5, rtol=1e-5)


def test_the_predictions_of_single_clips_are_kept_in_the_run(run):
    found = evaluate_run(run, device="cpu")["average"]["full"]
    trained = open_trained(run, device="cpu")
    kept = read_predictions(RunFolder(run).predictions, trained.stored.config.hash)
    index = trained.test_index()
    logits = predict_logits(trained.model.predictor, trained.maker, index)
    assert set(kept.ids) == set(trained.store.clips.id[index])
    mine = kept.of(trained.store.clips.id[index].tolist())
    np.testing.assert_allclose(mine.probabilities, trained.model.predictor.probabilities(logits), atol=1e-6)
    hits = (mine.probabilities.argmax(axis=1) == trained.store.clips.label[index]).mean()
    assert 100 * hits == pytest.approx(found.top1)
    features = embed_clips(trained.model.predictor, trained.maker, index).fused()
    np.testing.assert_allclose(mine.features, features, rtol=2e-3, atol=2e-3)
    assert read_predictions(RunFolder(run).predictions, "another model") is None
    assert mine.of(["no such clip"]) is None
