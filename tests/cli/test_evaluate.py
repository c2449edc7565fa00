"""`psp evaluate` on other data sets than that of the training run."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from psp.cli.main import main
from psp.dataset.store import Store
from psp.dataset.writer import StoreWriter
from psp.evaluate.accuracy import calibration
from psp.evaluate.evaluate import evaluate_store
from psp.evaluate.predict import predict_store
from psp.evaluate.trained import open_model
from psp.skeleton.catalogue import layout_by_name
from psp.train.api import make_task, train_run
from runs import small_run, with_stage
from stores import own_store, small_clips, small_store

CLASSES = ("class 3", "hop", "class 0", "class 1")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    task = make_task(small_store(folder / "store"), "2/class", "synthetic-xsub")
    return train_run(task, with_stage(small_run("supervised"), epochs=1), folder / "run")


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Path:
    """A data set whose classes have another order, one of which the model does not know."""
    path = tmp_path_factory.mktemp("other") / "store"
    with StoreWriter(path, dataset="mine", layout=layout_by_name("kinect20"), classes=CLASSES, up="y") as writer:
        for clip in small_clips(20):
            writer.add(clip)
    return path


def test_classes_are_compared_by_name(run, other):
    model, store = open_model(run), Store.in_memory(
        list(small_clips(20)), layout_by_name("kinect20"), CLASSES, up="y"
    )  # fmt: skip
    found = evaluate_store(model, store)
    best = [model.interface.classes[number] for number in predict_store(model, store).argmax(dim=1).tolist()]
    truth = [CLASSES[number] for number in store.clips.label.tolist()]
    right = sum(a == b for a, b in zip(best, truth, strict=True))
    assert (found.accuracy.clips, found.unknown) == (15, {"hop": 5})
    assert found.accuracy.top1 == pytest.approx(100 * right / 15)
    index = np.flatnonzero(np.isin(truth, model.interface.classes))
    labels = torch.tensor([model.interface.classes.index(truth[number]) for number in index])
    assert found.calibration == calibration(predict_store(model, store)[index], labels)


def test_any_data_set_with_known_classes_is_scored(run, other, capsys):
    for model in (run, run / "model.safetensors"):
        assert main(["evaluate", str(model), "--store", str(other), "--device", "cpu"]) == 0
        printed = " ".join(capsys.readouterr().out.split())
        assert "of 15 clips" in printed
        assert "not counted: 5 clips of classes the model does not know: hop (5)." in printed
        assert ("have the id of a training clip" in printed) == model.is_dir()
    (written,) = run.glob("evaluation-store-*.json")
    assert json.loads(written.read_text())["unknown"] == {"hop": 5}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "--store STORE"), (["--store", "nowhere"], "nowhere"), (["--store", "beetle"], "of layout 'beetle'")],
)
def test_what_cannot_be_scored_is_one_sentence(run, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    own_store(tmp_path / "beetle")
    assert main(["evaluate", str(run / "model.safetensors"), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_data_set_without_a_known_class_is_refused(run, tmp_path, capsys):
    layout = layout_by_name("kinect20")
    with StoreWriter(tmp_path / "store", dataset="mine", layout=layout, classes=list("abcd"), up="y") as writer:
        for clip in small_clips(4):
            writer.add(clip)
    assert main(["evaluate", str(run), "--store", str(tmp_path / "store")]) == 2
    assert "of a class that the model knows: class 0, class 1" in capsys.readouterr().err
