"""`psp train`: from options and files to a configuration; what cannot be trained is refused in one sentence."""

import json
from pathlib import Path

import pytest

from psp.cli import train as module
from psp.cli.main import main
from psp.dataset.labels import resolve_labels, write_labels
from psp.dataset.split import resolve_split
from psp.dataset.store import Store
from psp.train.api import preset_config
from psp.train.config import TrainConfig, rescheduled
from psp.train.run_folder import Task
from runs import with_stage
from stores import small_store

LABELS = ["--labels", "2/class"]


class CaughtError(Exception):
    """Raised instead of training, with the task and the configuration."""


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return small_store(tmp_path_factory.mktemp("train") / "store")


@pytest.fixture
def begun(store, monkeypatch):
    """Call `psp train STORE` and return the task, the configuration and the run folder it would start with."""

    def start(task, config, out, device, compile):
        raise CaughtError(task, config, out)

    monkeypatch.setattr(module, "start_run", start)

    def call(*arguments: str) -> tuple[Task, TrainConfig, Path]:
        with pytest.raises(CaughtError) as caught:
            main(["train", str(store.path), *arguments])
        return caught.value.args

    return call


def test_without_options_each_has_a_sensible_default(begun, store, capsys):
    task, config, out = begun(*LABELS)
    assert task.split.name == "synthetic-xsub"
    assert config == preset_config(task, "best")
    assert out == Path("runs/store-psp-mean-teacher")
    assert "split: synthetic-xsub: " in capsys.readouterr().out


def test_options_change_the_preset(begun):
    settings = ["--optim.learning_rate", "0.01", "--method.contrast=0.5", "--data.strong.turn", "10", "--ema", "0.5"]
    task, config, _ = begun(*LABELS, "--preset", "paper", "--size", "tiny", "--seed", "3", "--epochs", "7", *settings)
    plain = preset_config(task, "paper", size="tiny", epochs=7, seed=3)
    assert config.last.optim.learning_rate == 0.01
    assert config.last.method.contrast == 0.5
    assert (config.data.strong.turn, config.last.ema, config.seed) == (10, 0.5, 3)
    optim, method = plain.last.optim, plain.last.method
    assert with_stage(config, optim=optim, method=method, ema=plain.last.ema).stages == plain.stages
    assert task.labels.seed == 3
    assert plain.last == rescheduled(preset_config(task, "paper", size="tiny", seed=3).last, 7)


def test_a_method_of_two_stages_has_options_for_both(begun):
    _, config, _ = begun(*LABELS, "--method", "moco", "--pretrain.method.bank", "64", "--optim.momentum", "0.5")
    first, second = config.stages
    assert (first.method.bank, second.optim.momentum) == (64, 0.5)
    assert first.optim.momentum != 0.5
    assert second.initialise == "backbone"


def test_a_configuration_file_has_the_form_of_the_options(begun, tmp_path):
    (tmp_path / "mine.yaml").write_text("optim:\n  learning_rate: 0.123\nmethod:\n  contrast: 0.7\nseed: 4\n")
    _, config, _ = begun(*LABELS, "--config", str(tmp_path / "mine.yaml"), "--method.contrast", "0.8")
    assert (config.last.optim.learning_rate, config.last.method.contrast, config.seed) == (0.123, 0.8, 4)


def test_labels_and_split_come_from_files_too(begun, store, tmp_path):
    ids = sorted(store.clips.id[store.clips.column("subject") == 1].tolist())
    (tmp_path / "split.csv").write_text(
        "id,part\n" + "".join(f"{name},{'test' if name in ids else 'train'}\n" for name in store.clips.id)
    )
    split = resolve_split("subject=1", store)
    write_labels(resolve_labels("2/class", store, split, 9), tmp_path / "labels.json")
    drawn = resolve_labels("2/class", store, split, 9).ids
    (tmp_path / "labels.csv").write_text("id\n" + "".join(f"{name}\n" for name in drawn))
    task, _, _ = begun("--split", str(tmp_path / "split.csv"), "--labels", str(tmp_path / "labels.csv"))
    assert sorted(task.split.tests["full"]) == ids
    assert set(task.labels.ids) == set(drawn)
    task, _, _ = begun("--split", "subject=1", "--labels", str(tmp_path / "labels.json"))
    assert task.labels.ids == drawn


def complaint(capsys, *arguments: str) -> str:
    """The one sentence that a refused command prints."""
    assert main(list(arguments)) == 2
    message = capsys.readouterr().err
    assert message.startswith("psp: ")
    assert message.count("\n") == 1
    return message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "nw-ucal"], "nw-ucla"),
        (["--split", "nw-ucla"], "synthetic-xsub"),
        (["--split", "subject=77"], "77"),
        (["--split", "age"], "age"),
        (["--split", "nowhere.json"], "nowhere.json"),
        (["--labels", "5"], "5/class"),
        (["--labels", "500/class"], "class"),
        (["--labels", "nowhere.csv"], "nowhere.csv"),
        (["--optim.learning_rat", "1"], "Did you mean --optim.learning_rate?"),
        (["--optim.learning_rate", "-1"], "above 0"),
        (["--method", "fixmach"], "Did you mean 'fixmatch'?"),
        (["--method", "fixmatch", "--method.contrast", "1"], "--method.contrast"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
        (["--model.networks", "owned"], "--model.networks"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(store, tmp_path, capsys, arguments, message):
    out = tmp_path / "never"
    assert message in complaint(capsys, "train", str(store.path), *LABELS, "--out", str(out), *arguments)
    assert not out.exists()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("split.json", '{"format": "psp-split-1"}', "split.json"),
        ("split.csv", "id,part\nnobody,train\nclip000,test\n", "nobody"),
        ("labels.csv", "id,label\nclip000,class 1\n", "clip000"),
        ("labels.csv", "id,label\nclip001,class 1\nclip001,class 2\n", "clip001"),
        ("labels.csv", "id,label\nclip001,class 77\n", "class 77"),
        ("labels.csv", "id\nnobody\n", "nobody"),
    ],
)
def test_faulty_files_are_named(store, tmp_path, capsys, file, content, message):
    path, out = tmp_path / file, tmp_path / "never"
    path.write_text(content)
    option = "--split" if file.startswith("split") else "--labels"
    defaults = LABELS if option == "--split" else []
    assert message in complaint(capsys, "train", str(store.path), *defaults, option, str(path), "--out", str(out))
    assert not out.exists()


def test_missing_arguments_and_stores_are_named(tmp_path, capsys):
    assert "STORE is needed" in complaint(capsys, "train")
    assert "psp prepare" in complaint(capsys, "train", str(tmp_path))
    assert "psp train" in complaint(capsys, "train", "--resume", str(tmp_path))


def test_filtered_labels_are_named(store, tmp_path, capsys):
    settings = ["--size", "tiny", "--epochs", "5", "--data.resample.frames", "8", "--method.noisy_labels", "1"]
    arguments = [*settings, "--method.start", "0.8", "--out", str(tmp_path / "run")]
    assert main(["train", str(store.path), *LABELS, *arguments]) == 0
    found = json.loads((tmp_path / "run" / "result.json").read_text())["noisy labels"]
    assert found
    assert f"noisy labels, filtered out: {', '.join(found)}." in " ".join(capsys.readouterr().out.split())
