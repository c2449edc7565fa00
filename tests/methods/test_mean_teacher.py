import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from faults import KilledError
from psp.dataset.store import Store
from psp.methods.base import Passes
from psp.methods.mean_teacher import label_spreading
from psp.methods.mean_teacher import method as module
from psp.methods.mean_teacher.label_spreading import spread_labels
from psp.methods.mean_teacher.noisy_labels import trusted_labels
from psp.model.encoder import EncoderConfig
from psp.train import device
from psp.train.api import make_task, resume_run, start_run
from psp.train.config import TrainConfig
from psp.train.run import Run
from psp.train.run_folder import Task
from runs import small_run, with_stage
from stores import small_store

TAUGHT = small_run("psp-mean-teacher", start=0.0)
GRAPH = EncoderConfig(((4, 4, 3, 2), (4, 8, 3, 1)), heads=2, joints="graph")
FILTERED = with_stage(small_run("psp-mean-teacher", start=0.7, noisy_labels=1.0), epochs=6)


@pytest.fixture(scope="module")
def task(tmp_path_factory) -> Task:
    return make_task(small_store(tmp_path_factory.mktemp("teacher") / "store"), "2/class", "synthetic-xsub")


@pytest.fixture(scope="module")
def all_labels(task) -> Task:
    """Every training clip has a label, more than so few epochs fit."""
    return make_task(task.store, "all", "synthetic-xsub")


def run_of(task: Task, **options) -> Run:
    return Run(task, small_run("psp-mean-teacher", **{"start": 0.0, **options}), None, "cpu")


def targets_of(run: Run, bias: list[float] | None = None) -> torch.Tensor:
    """The soft pseudo-labels of the first epoch; `bias` is that of the averaged classifier."""
    if bias is not None:
        run.trainer.ema.state["recogniser.classifiers.0.linear.bias"].copy_(torch.tensor(bias))
    run.trainer.method.on_epoch_start(run.trainer.context())
    return run.trainer.method.targets


# Label spreading


def circles(clips: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Two bundles of directions, interleaved; the second half of each lies beyond the first."""
    label = torch.arange(clips) % 2
    angle = torch.linspace(0, 1, clips) + 3 * label
    return torch.stack([angle.cos(), angle.sin()], dim=1), label


def test_one_label_a_bundle_reaches_all_of_it():
    features, label = circles()
    soft = spread_labels(features, torch.tensor([0, 1]), torch.tensor([0, 1]), 2)
    assert torch.equal(soft.argmax(dim=1), label)
    torch.testing.assert_close(soft.sum(dim=1), torch.ones(40))


def test_it_comes_close_to_the_closed_form(monkeypatch):
    """(I - 0.9 S)^-1 Y_0 (Zhou et al. 2004), with dense matrices."""
    monkeypatch.setattr(label_spreading, "CHUNK", 7)
    features = torch.randn(30, 6, generator=torch.Generator().manual_seed(0))
    labelled, labels = torch.tensor([3, 8, 20]), torch.tensor([0, 1, 2])
    similarity = F.normalize(features) @ F.normalize(features).T
    similarity.fill_diagonal_(-1)
    nearest = similarity.topk(10, dim=1)
    weight = torch.zeros(30, 30).scatter_(1, nearest.indices, nearest.values.clamp(min=0) ** 4)
    weight = (weight + weight.T) / 2
    root = weight.sum(dim=1).rsqrt()
    start = torch.zeros(30, 3)
    start[labelled, labels] = 1
    limit = torch.linalg.solve(torch.eye(30) - 0.9 * root[:, None] * weight * root, start)
    expected = limit / limit.sum(dim=1, keepdim=True)
    torch.testing.assert_close(spread_labels(features, labelled, labels, 3), expected, atol=1e-4, rtol=1e-3)


def test_a_clip_that_no_label_reaches_has_none():
    features = torch.tensor([[1.0, 0.0], [1.0, 0.1], [-1.0, 0.0]])
    soft = spread_labels(features, torch.tensor([0]), torch.tensor([1]), 4)
    assert not soft[2].any()


# The noisy-label filter

LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
SURE = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def trusted(limit: float, *predictions: list[list[float]]) -> list[bool]:
    return trusted_labels(torch.tensor(predictions).sum(0), LABELS, limit).tolist()


def test_a_label_is_noisy_if_another_class_is_much_more_probable():
    predictions = [[0.2, 0.5, 0.3], [0.3, 0.4, 0.3], [0.1, 0.6, 0.3], *SURE]
    assert trusted(0.5, predictions)[:3] == [False, True, True]
    assert trusted(0.3, predictions)[:3] == [True, True, True]
    assert trusted(1.0, predictions)[:3] == [False, True, False]


def test_predictions_of_several_epochs_are_summed():
    certain, unsure = [*[[1.0, 0.0, 0.0]] * 3, *SURE], [*[[0.2, 0.4, 0.4]] * 3, *SURE]
    assert trusted(0.5, certain)[:3] == [True, False, False]
    assert trusted(0.5, certain, unsure, unsure, unsure, unsure)[:3] == [True, True, True]


def test_a_class_is_not_left_without_labels():
    predictions = [*[[0.0, 1.0, 0.0]] * 3, *[[0.0, 1.0, 0.0]] * 2, [0.0, 0.0, 1.0]]
    assert trusted(0.5, predictions) == [True, True, False, True, True, True]


def test_without_predictions_all_labels_are_trusted():
    assert trusted_labels(torch.zeros(6, 3), LABELS, 1.0).all()


@given(st.lists(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), min_size=6, max_size=6))
def test_a_limit_of_nothing_trusts_all(predictions: list[list[float]]):
    assert all(trusted(0.0, predictions))


# Soft pseudo-labels


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_targets_are_the_averaged_networks_and_favour_no_class(task, share):
    run = run_of(task, label_spreading=share)
    targets = targets_of(run, [3.0, 0.0, 0.0, 0.0])
    train = task.split.train_index(task.store)
    labelled, labels = task.labels.resolve(task.store, task.split)
    torch.testing.assert_close(targets[train].sum(dim=1), torch.ones(len(train)))
    torch.testing.assert_close(targets[train].mean(dim=0), torch.full((4,), 0.25), atol=0.1, rtol=0)
    assert torch.equal(targets[labelled], F.one_hot(torch.from_numpy(labels), 4).float())
    others = torch.ones(len(task.store), dtype=torch.bool)
    others[train] = False
    assert others.any()
    assert not targets[others].any()


@pytest.mark.parametrize("is_aligned", [True, False])
def test_targets_are_predictions_of_the_averaged_weights(task, is_aligned):
    """Without label spreading: the mean p of the probabilities of the modalities, or p / mean(p), normalised."""
    run = run_of(task, label_spreading=0.0, distribution_alignment=is_aligned)
    with torch.no_grad():
        run.trainer.method.recogniser.classifiers[0].linear.bias += 5  # the present weights do not matter
    targets = targets_of(run, [1.0, 0.5, 0.0, 0.0])
    teacher, pools = run.trainer.teacher, run.trainer.pools
    clips = torch.from_numpy(run.data.train)
    sample = run.data.maker.whole(clips, teacher.modalities).sample
    with torch.no_grad():
        encoded = {name: parts[0] for name, parts in teacher.encode([sample]).items()}
        probabilities = teacher.classify(encoded).softmax(dim=2).mean(0)
    expected = F.normalize(probabilities / probabilities.mean(0), p=1.0, dim=1) if is_aligned else probabilities
    unlabelled = torch.isin(clips, torch.from_numpy(pools["unlabelled"]))
    torch.testing.assert_close(targets[clips[unlabelled]], expected[unlabelled], rtol=1e-4, atol=1e-6)


def test_a_clip_that_no_label_reaches_gets_the_prediction_alone(task, monkeypatch):
    train = len(task.split.train)
    reached = torch.arange(train) < train - 6

    def spread_to_most(features, labelled, labels, classes):
        return torch.eye(classes)[torch.arange(len(features)) % classes] * reached[:, None]

    monkeypatch.setattr(module, "spread_labels", spread_to_most)
    predicted, both = (targets_of(run_of(task, label_spreading=share)) for share in (0.0, 0.5))
    clips = torch.from_numpy(task.split.train_index(task.store)).sort().values
    free = ~torch.isin(clips, torch.from_numpy(task.labels.resolve(task.store, task.split)[0]))
    assert (free & ~reached).any()
    assert torch.equal(both[clips[free & ~reached]], predicted[clips[free & ~reached]])
    assert (both - predicted)[clips[free & reached]].abs().amax(dim=1).min() > 0.1


class CalledError(Exception):
    """A pass over the clips was asked for."""


class NoPasses(Passes):
    """Passes that only tell that they were asked for."""

    def indices(self, pool):
        raise CalledError


@pytest.mark.parametrize(
    ("epochs", "start", "first"), [(50, 0.28, 14), (100, 0.55, 55), (20, 0.3, 6), (10, 0.31, 4), (10, 0.0, 0)]
)
def test_the_teacher_begins_where_its_share_of_the_epochs_ends(task, epochs, start, first):
    run = run_of(task, start=start)
    context = replace(run.trainer.context(), steps=2 * epochs, steps_per_epoch=2, passes=NoPasses())
    used = []
    for epoch in range(epochs):
        try:
            run.trainer.method.on_epoch_start(replace(context, step=2 * epoch))
        except CalledError:
            used.append(epoch)
    assert used == list(range(first, epochs))


def test_there_is_no_teacher_without_consistency(task):
    run = run_of(task, consistency=0.0, noisy_labels=1.0)
    context = replace(run.trainer.context(), step=5, passes=NoPasses())
    run.trainer.method.on_epoch_start(context)
    output = run.trainer.method.training_step(run.trainer.loader.step(5), context)
    assert "consistency" not in output.metrics
    assert run.trainer.method.targets.numel() == 0


def test_the_loss_has_the_weights_of_the_options(task):
    run = run_of(task, contrast=0.3, consistency=0.7)
    targets_of(run)
    output = run.trainer.method.training_step(run.trainer.loader.step(0), run.trainer.context())
    parts = output.metrics
    wanted = parts["classification"] + 0.3 * parts["contrast"] + 0.7 * parts["consistency"]
    torch.testing.assert_close(output.loss, wanted)
    assert set(parts) == {"classification", "contrast", "consistency", "accuracy"}


# Filtered labels


def test_a_noisy_label_is_no_label(task):
    run = run_of(task, noisy_labels=1.0)
    method, (known, labels) = run.trainer.method, task.labels.resolve(task.store, task.split)
    early = F.one_hot(torch.from_numpy(labels), 4).float()
    wrong = [int((labels == label).argmax()) for label in (0, 3)]
    early[wrong] = early[wrong].roll(1, dims=1)
    method.early[known] = early
    targets = targets_of(run)
    assert method.findings() == {"noisy labels": sorted(known[wrong].tolist())}
    assert run.findings() == {"noisy labels": sorted(task.store.clips.id[known[wrong]].tolist())}
    certain = (targets[known].amax(dim=1) == 1).tolist()
    assert certain == [number not in wrong for number in range(len(known))]
    for step in range(3):
        batch = run.trainer.loader.step(step)
        own = batch["labelled"]
        noisy = torch.isin(own.index, torch.from_numpy(known[wrong]))
        assert torch.equal(method.labels(batch), torch.where(noisy, -1, own.labels))


def test_labels_leave_the_batches_when_the_teacher_begins(all_labels, monkeypatch):
    """Of six epochs the last one has a teacher; the two before it collect predictions."""
    task, run = all_labels, Run(all_labels, FILTERED, None, "cpu")
    method, per_epoch = run.trainer.method, run.trainer.steps_per_epoch
    used, summed, labels, begin = {}, {}, method.labels, method.on_epoch_start

    def on_epoch_start(context):
        begin(context)
        summed[context.epoch] = method.early.sum(dim=1)

    def of_batch(batch):
        used[run.trainer.step] = (batch["labelled"].index, batch["labelled"].labels, labels(batch))
        return used[run.trainer.step][-1]

    monkeypatch.setattr(method, "on_epoch_start", on_epoch_start)
    monkeypatch.setattr(method, "labels", of_batch)
    run.train(handle_signals=False)
    known = torch.from_numpy(task.labels.resolve(task.store, task.split)[0])
    recorded = torch.zeros(len(task.store)).index_fill(0, known, 1.0)
    for epoch, times in enumerate((0, 0, 0, 1, 2, 2)):
        torch.testing.assert_close(summed[epoch], times * recorded)
    noisy = torch.tensor(method.findings()["noisy labels"])
    assert len(noisy)
    for step, (index, before, left) in used.items():
        is_noisy = torch.isin(index, noisy) & (step >= 5 * per_epoch)
        assert torch.equal(left, torch.where(is_noisy, -1, before))


def test_a_result_names_the_noisy_labels(all_labels, tmp_path):
    run = start_run(all_labels, FILTERED, tmp_path / "run", device="cpu")
    run.train()
    named = json.loads(run.folder.result.read_text())["noisy labels"]
    assert len(named) == int((~run.trainer.method.trusted).sum()) > 0
    assert set(named) <= set(all_labels.labels.ids)


def as_best(config: TrainConfig) -> TrainConfig:
    """bf16, Muon, and a graph encoder for each modality."""
    model = replace(config.model, encoder=GRAPH, networks="own")
    optim = replace(config.last.optim, optimiser="muon", momentum=0.95)
    return replace(with_stage(config, optim=optim), model=model, runtime=replace(config.runtime, precision="bf16"))


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "config", [FILTERED, as_best(small_run("psp-mean-teacher", start=0.3))], ids=["filtered", "best"]
)
def test_a_run_that_was_killed_between_two_predictions_ends_the_same(task, tmp_path, monkeypatch, config):
    """Within an epoch, so that the targets of its start must come from the checkpoint."""
    monkeypatch.setattr(device, "multiplies_bf16", lambda _: True)
    straight = start_run(task, config, tmp_path / "straight", device="cpu")
    straight.train(checkpoint_seconds=1e9)
    start_run(task, config, tmp_path / "broken", device="cpu")

    def die(progress) -> None:
        if progress.step == straight.trainer.steps:
            raise KilledError

    with pytest.raises(KilledError):
        resume_run(tmp_path / "broken", device="cpu").train(die, checkpoint_seconds=0)
    resume_run(tmp_path / "broken", device="cpu").train()
    first, second = (load_file(tmp_path / run / "last.safetensors") for run in ("straight", "broken"))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert "consistency" in (tmp_path / "straight" / "metrics.jsonl").read_text()
    assert json.loads((tmp_path / "broken" / "result.json").read_text())["precision"] == config.runtime.precision


def test_a_store_in_memory_serves_as_well(task):
    clips = [task.store.clip(index) for index in range(len(task.store))]
    store = task.store
    other = Store.in_memory(clips, store.layout, store.classes, up=store.up, dataset=store.dataset)
    assert torch.equal(targets_of(run_of(Task(other, task.split, task.labels))), targets_of(run_of(task)))
