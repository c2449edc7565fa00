import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from psp.dataset.budget import LabelBudget
from psp.dataset.store import Store
from psp.errors import BudgetError, CheckpointError, ConfigError, DestinationError
from psp.evaluate.trained import open_model
from psp.methods import METHODS
from psp.methods.psp import PSP
from psp.model.memory import MemoryConfig
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.recording import Clip, ClipInfo
from psp.train import api
from psp.train.api import make_task, preset_config, resume_run, start_run, train_further, train_run
from psp.train.config import method_name
from psp.train.device import multiplies_bf16
from psp.train.interrupt import Interrupted
from psp.train.run_folder import open_run
from runs import small_run, with_stage
from stores import own_store, small_store

SHORT = with_stage(small_run("supervised"), epochs=1, steps_per_epoch=2)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("train") / "store")


@pytest.fixture(scope="module")
def task(store):
    return make_task(store, "2/class", "synthetic-xsub")


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def test_a_task_resolves_split_and_labels_once(store, task):
    by_path = make_task(str(store.path), "2/class", "synthetic-xsub")
    assert (by_path.split, by_path.labels) == (task.split, task.labels)
    assert make_task(store, task.labels, task.split).labels is not None
    assert make_task(store, "2/class", "synthetic-xsub", labels_seed=1).labels.hash != task.labels.hash
    with pytest.raises(BudgetError):
        make_task(store, "900/class!", "synthetic-xsub")


def test_unknown_names_of_a_preset_are_refused(task):
    for options in ({"preset": "bst"}, {"size": "huge"}, {"pipeline": "papr"}):
        with pytest.raises(ConfigError, match=f"there is no {next(iter(options))}"):
            preset_config(task, **options)


@pytest.mark.parametrize("method", [None, *METHODS])
def test_a_preset_is_made_for_the_task(task, method):
    config = preset_config(task, "best", method=method, size="tiny", epochs=4, seed=3)
    assert {stage.epochs for stage in config.stages} == {4}
    assert config.seed == 3
    names = [method_name(stage.method) for stage in config.stages]
    assert (method or "psp-mean-teacher") in names
    assert config.last.optim.warmup == pytest.approx(2 * 4 / 20)


def test_a_start_that_fails_leaves_no_folder(task, tmp_path, monkeypatch):
    class Refusing(PSP):
        def __init__(self, *_: object) -> None:
            raise ConfigError("no network.")

    monkeypatch.setattr("psp.train.run.METHODS", dict.fromkeys(METHODS, Refusing))
    with pytest.raises(ConfigError, match="no network"):
        start_run(task, SHORT, tmp_path / "run", device="cpu")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_run_is_not_overwritten(task, tmp_path):
    start_run(task, SHORT, tmp_path / "run", device="cpu").train()
    before = files(tmp_path / "run")
    with pytest.raises(DestinationError, match="--resume"):
        start_run(task, replace(SHORT, seed=1), tmp_path / "run", device="cpu")
    assert files(tmp_path / "run") == before


def test_of_two_starts_at_once_one_wins_and_the_other_changes_nothing(task, tmp_path, monkeypatch):
    """Both have built their networks when the first one begins to write; the second one tries before it has ended."""
    began, tried = threading.Event(), threading.Event()
    create, outcome = api.create_run, {}

    def slow_create(path, config, task):
        began.set()
        assert tried.wait(60)
        return create(path, config, task)

    def start(seed: int) -> None:
        try:
            outcome[seed] = start_run(task, replace(SHORT, seed=seed), tmp_path / "run", device="cpu")
        except DestinationError as error:
            outcome[seed] = error

    monkeypatch.setattr(api, "create_run", slow_create)
    first = threading.Thread(target=start, args=(1,))
    first.start()
    assert began.wait(60)
    start(2)
    tried.set()
    first.join()
    assert isinstance(outcome[2], DestinationError)
    assert "another process writes here" in str(outcome[2])
    assert open_run(tmp_path / "run").config.seed == 1
    assert outcome[1].train() is None


def test_a_start_after_another_ones_start_is_refused(task, tmp_path):
    first = start_run(task, SHORT, tmp_path / "run", device="cpu")
    before = files(tmp_path / "run")
    with pytest.raises(DestinationError, match="already exists"):
        start_run(task, replace(SHORT, seed=2), tmp_path / "run", device="cpu")
    assert files(tmp_path / "run") == before
    assert first.train() is None


def test_a_run_that_is_being_trained_is_not_resumed(task, tmp_path):
    def resume(progress) -> None:
        before = files(tmp_path / "run")
        with pytest.raises(DestinationError, match="another process writes here"):
            resume_run(tmp_path / "run", device="cpu").train()
        assert files(tmp_path / "run") == before

    run = start_run(task, SHORT, tmp_path / "run", device="cpu")
    assert run.train(resume) is None


@pytest.mark.parametrize("resumed", [False, True])
def test_what_else_the_program_draws_changes_nothing(task, tmp_path, resumed):
    config = replace(with_stage(SHORT, steps_per_epoch=3), model=replace(SHORT.model, dropout=0.5))
    start_run(task, config, tmp_path / "straight", device="cpu").train()
    other = start_run(task, config, tmp_path / "other", device="cpu")
    torch.rand(1)
    (resume_run(tmp_path / "other", device="cpu") if resumed else other).train()
    first, second = (load_file(tmp_path / run / "last.safetensors") for run in ("straight", "other"))
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_compiled_encoder_that_is_to_be_computed_twice_is_refused(task, tmp_path):
    config = replace(SHORT, runtime=replace(SHORT.runtime, memory=MemoryConfig(recompute=True)))
    with pytest.raises(ConfigError, match=r"memory\.recompute: a compiled encoder"):
        start_run(task, config, tmp_path / "run", device="cpu", compile=True)
    assert not (tmp_path / "run").exists()


def test_folders_may_be_text(store, task, tmp_path):
    start_run(task, SHORT, str(tmp_path / "run"), device="cpu")
    assert resume_run(str(tmp_path / "run"), str(store.path), "cpu").train() is None


def test_a_store_may_have_moved(task, tmp_path):
    moved = small_store(tmp_path / "first")
    start_run(make_task(moved, "2/class", "synthetic-xsub"), SHORT, tmp_path / "run", device="cpu")
    moved.path.rename(tmp_path / "second")
    assert resume_run(tmp_path / "run", tmp_path / "second", "cpu").train() is None


def test_a_log_that_was_cut_is_not_padded(task, tmp_path):
    run = start_run(task, SHORT, tmp_path / "run", device="cpu")
    run.train()
    run.folder.metrics.write_text("")
    with pytest.raises(CheckpointError, match="shorter than at the last checkpoint"):
        resume_run(tmp_path / "run", device="cpu").train()
    assert run.folder.metrics.read_bytes() == b""


def test_one_process_trains_in_one_precision_after_the_other(task, tmp_path):
    seen = []
    for precision in ("float32", "bf16", "float32"):
        config = replace(SHORT, runtime=replace(SHORT.runtime, precision=precision))
        run = start_run(task, config, tmp_path / str(len(seen)), device="cpu")
        assert run.train(lambda now: seen.append(now.reading.loss)) is None
        assert all(weight.dtype == torch.float32 for weight in run.trainer.method.parameters())
    first, half, again = seen[:2], seen[2:4], seen[4:]
    assert first == again
    assert (first != half) == multiplies_bf16(torch.device("cpu"))
    assert half == pytest.approx(first, rel=0.05)


def test_train_run_trains_to_the_end_or_is_interrupted(task, tmp_path):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(Interrupted) as error:
            train_run(task, SHORT, tmp_path / "run", lambda now: os.kill(os.getpid(), signal.SIGINT))
    finally:
        signal.signal(signal.SIGINT, before)
    assert error.value.signal == signal.SIGINT
    assert resume_run(tmp_path / "run", device="cpu").train() is None
    assert train_run(task, SHORT, tmp_path / "other") == tmp_path / "other"
    assert files(tmp_path / "run")["metrics.jsonl"][0] == files(tmp_path / "other")["metrics.jsonl"][0]


def task_of(store, *classes: int):
    """A task whose labels are two training clips of each of some classes."""
    split = make_task(store, "all", "synthetic-xsub").split
    chosen = [name for number in classes for name in [each for each in split.train if int(each[4:]) % 4 == number][:2]]
    return make_task(store, LabelBudget("some", split.name, 0, tuple(sorted(chosen))), split)


def test_only_classes_with_labels_can_be_predicted(store, tmp_path):
    task = task_of(store, 0, 3)
    assert task.classes == ("class 0", "class 3")
    model = open_model(train_run(task, SHORT, tmp_path / "run"))
    assert (model.interface.classes, model.predictor.classes) == (task.classes, 2)


def test_labels_of_one_class_are_refused(store):
    with pytest.raises(BudgetError, match="are of the class 'class 1'"):
        task_of(store, 1)


def weights(run) -> dict[str, torch.Tensor]:
    return run.trainer.method.predictor().state_dict()


def test_training_starts_from_a_model(store, task, tmp_path):
    first = train_run(task, SHORT, tmp_path / "first")
    trained = load_file(first / "model.safetensors")
    for out, init in {"run": first, "file": first / "model.safetensors"}.items():
        config = preset_config(task, "best", method="supervised", seed=3, init=init)
        same = start_run(task, config, tmp_path / out, device="cpu")
        assert all(torch.equal(value, trained[name]) for name, value in weights(same).items())
        assert config.model == SHORT.model
    fewer = task_of(store, 0, 3)
    other = weights(start_run(fewer, preset_config(fewer, method="supervised", init=first), tmp_path / "other", "cpu"))
    assert len(other["classifiers.0.linear.bias"]) == 2
    assert all(torch.equal(value, trained[name]) for name, value in other.items() if name.startswith("backbone"))


def test_training_from_a_model_of_one_modality_contrasts_nothing(task, tmp_path):
    first = train_run(task, with_stage(small_run("supervised", modalities=("joint",)), epochs=1), tmp_path / "first")
    config = preset_config(task, "best", init=first, epochs=1)
    assert config.last.method.contrast == 0
    assert start_run(task, config, tmp_path / "run", device="cpu").trainer.method.config.modalities == ("joint",)


def test_a_model_that_does_not_fit_is_refused(task, tmp_path):
    first = train_run(task, SHORT, tmp_path / "first")
    flat = make_task(own_store(None, "coco17"), "2/class", "subject")
    with pytest.raises(CheckpointError, match="of layout 'coco17'"):
        preset_config(flat, init=first)
    with pytest.raises(CheckpointError, match="--resume"):
        preset_config(task, init=start_run(task, SHORT, tmp_path / "begun", device="cpu").folder.path)
    config = with_stage(small_run("supervised", modalities=("joint", "motion", "bone")), epochs=1, steps_per_epoch=1)
    three = train_run(task, config, tmp_path / "three")
    with pytest.raises(ConfigError, match="contrasts two"):
        preset_config(task, method="psp", init=three)


def test_a_finished_run_is_trained_further_in_a_folder_of_its_own(task, tmp_path):
    first = train_run(task, SHORT, tmp_path / "run")
    before = files(first)
    for name in ("run-2", "run-3"):
        run = train_further(first, 2, device="cpu")
        assert run.folder.path == tmp_path / name
    trained = load_file(first / "model.safetensors")
    assert all(torch.equal(value, trained[name]) for name, value in weights(run).items())
    assert (run.config.last.epochs, run.task.labels) == (2, task.labels)
    assert run.train() is None
    assert files(first) == before
    begun = start_run(task, SHORT, tmp_path / "begun", device="cpu")
    with pytest.raises(CheckpointError, match="not finished"):
        train_further(begun.folder.path, 2)


def test_labels_of_a_file_name_the_classes_of_a_store_without_any(tmp_path: Path) -> None:
    clips = [Clip(ClipInfo(f"c{number}"), np.ones((1, 4, 17, 2), dtype=np.float32)) for number in range(6)]
    store = Store.in_memory(clips, layout_by_name("coco17"), [], up="-y")
    (tmp_path / "labels.csv").write_text("id,label\nc0,wave\nc1,sit\nc2,\nc3.npy,wave\n")
    task = make_task(store, tmp_path / "labels.csv")
    assert (task.classes, task.split.name) == (("sit", "wave"), "none")
    assert dict(task.labels.labels) == {"c0": 1, "c1": 0, "c3": 1}
    with pytest.raises(BudgetError, match="no training clip has a label"):
        make_task(store, "all")
