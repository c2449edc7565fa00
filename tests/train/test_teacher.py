import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from psp.batches.loader import BatchConfig, Batches
from psp.batches.resample import SampleConfig
from psp.methods.methods import METHODS
from psp.model.encoder import EncoderConfig
from psp.model.psp import PSPNetwork
from psp.train import device, teacher
from psp.train.average import WeightAverage
from psp.train.teacher import Teacher
from psp.train.train import resume_run, start_run
from runs import SMALL_RUN
from stores import small_store

TAUGHT = replace(
    SMALL_RUN, method="taught", teach_after=0.3, spread=0.5, objective=replace(SMALL_RUN.objective, pseudo_label=1.0)
)
GRAPH = EncoderConfig(((4, 4, 3, 2), (4, 8, 3, 1)), heads=2, joints="graph")
DOUBTING = replace(TAUGHT, doubt=1.0, epochs=6, teach_after=0.7)
MUON = replace(SMALL_RUN.optim, optimiser="muon", momentum=0.95)
AS_BEST = replace(TAUGHT, precision="bf16", optim=MUON, model=replace(SMALL_RUN.model, encoder=GRAPH, networks="own"))


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_beliefs_are_the_averaged_networks_and_favour_no_class(tmp_path, spread):
    store = small_store(tmp_path / "store")
    torch.manual_seed(0)
    network = PSPNetwork(store.layout, 8, 4, SMALL_RUN.model).eval()
    average = WeightAverage(network, 0.9)
    batches = Batches(store, METHODS["taught"].views, BatchConfig(SampleConfig(frames=8)))
    teacher = Teacher(network, average.state, batches, np.arange(4, 40), np.arange(4), spread)
    average.state["classifier.linear.bias"].copy_(torch.tensor([3.0, 0.0, 0.0, 0.0]))
    teacher.look()
    beliefs = teacher.about(torch.arange(40))
    torch.testing.assert_close(beliefs.sum(dim=1), torch.ones(40))
    torch.testing.assert_close(beliefs.mean(dim=0), torch.full((4,), 0.25), atol=0.1, rtol=0)
    assert torch.equal(beliefs[:4].argmax(dim=1), torch.arange(4))
    assert torch.equal(beliefs[:4].amax(dim=1), torch.ones(4))
    assert teacher.about(torch.arange(40, 48)).abs().max() == 0


def test_a_class_without_any_clip_takes_no_belief_from_the_others(tmp_path):
    """A subset of a data set keeps all its classes; they would share what is divided evenly among classes."""
    store = small_store(tmp_path / "store")
    found = []
    for classes in (4, 20):
        torch.manual_seed(0)
        network = PSPNetwork(store.layout, 8, 20, SMALL_RUN.model).eval()
        network.classifier.linear.bias.data[4:] = 0.0 if classes == 20 else -1e4
        average, batches = WeightAverage(network, 0.9), Batches(store, METHODS["taught"].views, SMALL_RUN.data)
        teacher = Teacher(network, average.state, batches, np.arange(4, 40), np.arange(4), 0.5)
        teacher.look()
        found.append(teacher.about(torch.arange(40)))
    assert found[1][:, 4:].abs().max() == 0
    torch.testing.assert_close(found[1], found[0], atol=0.01, rtol=0)


def test_where_no_spread_label_arrives_the_network_is_believed_alone(tmp_path, monkeypatch):
    store = small_store(tmp_path / "store")

    def spread_to_most(features, labelled, labels, classes):
        return torch.eye(classes)[torch.arange(len(features)) % classes] * (torch.arange(len(features)) < 30)[:, None]

    monkeypatch.setattr(teacher, "spread_labels", spread_to_most)
    found = []
    for spread in (0.0, 0.5):
        torch.manual_seed(0)
        network = PSPNetwork(store.layout, 8, 4, SMALL_RUN.model).eval()
        average, batches = WeightAverage(network, 0.9), Batches(store, METHODS["taught"].views, SMALL_RUN.data)
        believing = Teacher(network, average.state, batches, np.arange(4, 40), np.arange(4), spread)
        believing.look()
        found.append(believing.about(torch.arange(40)))
    network_alone, both = found
    assert torch.equal(both[30:], network_alone[30:])
    assert (both[4:30] - network_alone[4:30]).abs().amax(dim=1).min() > 0.1


def test_all_labels_that_the_teacher_knows_count_as_used(tmp_path):
    config = replace(TAUGHT, budget="4/class", labelled_batch=1, steps=1)
    trainer = start_run(small_store(tmp_path / "store"), config, tmp_path / "run", device="cpu")
    trainer.run()
    assert len(json.loads(trainer.folder.result.read_text())["labelled clips"]) == 16


def test_the_teacher_begins_where_its_share_of_the_epochs_ends(tmp_path):
    store = small_store(tmp_path / "store")
    for epochs, share, first in ((50, 0.28, 14), (100, 0.55, 55), (20, 0.3, 6), (10, 0.31, 4)):
        config = replace(TAUGHT, epochs=epochs, teach_after=share, steps=2)
        assert start_run(store, config, tmp_path / str(share), device="cpu")._first_taught == 2 * first


def test_a_doubted_label_is_no_label(tmp_path):
    store = small_store(tmp_path / "store")
    torch.manual_seed(0)
    network = PSPNetwork(store.layout, 8, 4, SMALL_RUN.model).eval()
    batches = Batches(store, METHODS["taught"].views, BatchConfig(SampleConfig(frames=8)))
    average, labelled = WeightAverage(network, 0.9), np.arange(8)
    teacher = Teacher(network, average.state, batches, np.arange(40), labelled, 0.5, doubt=1.0)
    opinion = torch.eye(4)[[0, 1, 2, 0, 0, 1, 3, 3]]  # of clips labelled 0 1 2 3 0 1 2 3
    teacher.doubt.note(opinion)
    teacher.look()
    assert teacher.doubted() == [3, 6]
    assert teacher.labels_of(torch.arange(10)).tolist() == [0, 1, 2, -1, 0, 1, -1, 3, -1, -1]
    certain = teacher.about(torch.arange(8)).amax(dim=1) == 1
    assert certain.tolist() == [True, True, True, False, True, True, False, True]


def test_doubted_labels_leave_the_batches_when_the_teacher_begins(tmp_path, monkeypatch):
    trainer = start_run(small_store(tmp_path / "store"), DOUBTING, tmp_path / "run", device="cpu")
    opinions, batches, form, draw = [], {}, trainer.teacher.form_opinion, trainer._draw_batches
    monkeypatch.setattr(trainer.teacher, "form_opinion", lambda: (opinions.append(trainer.step), form()))
    monkeypatch.setattr(trainer, "_draw_batches", lambda step: batches.setdefault(step, draw(step)))
    trainer.run()
    epoch, first_taught = trainer.steps_per_epoch, 5 * trainer.steps_per_epoch
    assert opinions == [3 * epoch, 4 * epoch]
    assert trainer.teacher.doubted()
    for step, (labelled, _) in batches.items():
        doubted = torch.isin(labelled.clips, torch.tensor(trainer.teacher.doubted()))
        assert torch.equal(labelled.labels == -1, doubted & (step >= first_taught))


def test_a_run_tells_whose_labels_it_doubted(tmp_path):
    trainer = start_run(small_store(tmp_path / "store"), DOUBTING, tmp_path / "run", device="cpu")
    trainer.run()
    result = json.loads(trainer.folder.result.read_text())
    assert set(result["clips with doubted labels"]) <= set(result["labelled clips"])
    assert len(result["clips with doubted labels"]) == len(trainer.teacher.doubted()) > 0


@pytest.mark.parametrize("config", [TAUGHT, DOUBTING, AS_BEST], ids=["shared network", "doubting", "as best"])
def test_a_taught_run_that_was_interrupted_between_two_looks_ends_the_same(tmp_path, monkeypatch, config):
    monkeypatch.setattr(device, "multiplies_bf16", lambda _: True)
    store = small_store(tmp_path / "store")
    straight = start_run(store, config, tmp_path / "straight", device="cpu")
    straight.run(checkpoint_seconds=1e9)
    start_run(store, config, tmp_path / "broken", device="cpu")

    class Killed(BaseException):
        pass

    def die(progress) -> None:
        if progress.step == straight.steps - 1:
            raise Killed

    with pytest.raises(Killed):
        resume_run(tmp_path / "broken", device="cpu").run(die, checkpoint_seconds=0)
    resume_run(tmp_path / "broken", device="cpu").run()
    first, second = (load_file(tmp_path / run / "last.safetensors") for run in ("straight", "broken"))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert "teacher" in (tmp_path / "straight" / "metrics.jsonl").read_text()
    assert json.loads((tmp_path / "broken" / "result.json").read_text())["precision"] == config.precision
