"""`psp train`: from options and files to a configuration; what cannot be trained is refused in one sentence."""

import json
import re
from pathlib import Path

import pytest

from psp.cli import train as module
from psp.cli.main import main
from psp.dataset.labels import resolve_labels, write_labels
from psp.dataset.split import resolve_split
from psp.dataset.store import Store, open_store
from psp.dataset.writer import StoreWriter
from psp.skeleton.catalogue import layout_by_name
from psp.train.api import preset_config
from psp.train.config import TrainConfig, rescheduled
from psp.train.run_folder import Task
from runs import with_stage
from stores import small_clips, small_store

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


def test_without_options_all_labels_train(begun, store, capsys):
    task, _, _ = begun()
    assert set(task.labels.ids) == set(task.split.train)
    assert "labels: 48 of 48 training clips (all), 4 classes" in capsys.readouterr().out


def test_what_the_labels_lack_is_said_before_training(begun, store, tmp_path, capsys):
    labels = tmp_path / "labels.csv"
    rows = [f"clip{number:03d}" for number in range(24) if number % 4 < 3]
    odd = [row for row in rows if int(row[4:]) % 4 != 2]
    labels.write_text("\n".join(["id", *odd, "clip002"]) + "\n")
    task, _, _ = begun("--labels", str(labels), "--split", "camera=2")
    printed = " ".join(capsys.readouterr().out.split())
    assert task.classes == ("class 0", "class 1", "class 2")
    assert "note: 1 class has no labelled training clip: 'class 3'." in printed
    assert "note: 1 class has one labelled training clip: 'class 2'." in printed
    assert "are of such classes and count as wrong." in printed


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
        (["--labels", "500/class!"], "class"),
        (["--classes", "nowhere.txt"], "is not a number"),
        (["--init", "nowhere.safetensors"], "nowhere.safetensors"),
        (["--init", "nowhere.safetensors", "--size", "tiny"], "--size cannot be used with --init"),
        (["--estimate", "1"], "Use 2 or more"),
        (["--estimate", "--labels", "1/class"], "cannot be divided into two folds"),
        (["--labels", "nowhere.csv"], "nowhere.csv"),
        (["--optim.learning_rat", "1"], "Did you mean --optim.learning_rate?"),
        (["--optim.learning_rate", "-1"], "above 0"),
        (["--method", "fixmach"], "there is no method 'fixmach'. Did you mean 'fixmatch'?"),
        (["--method", "nope"], "there is no method 'nope'. Choose from"),
        (["--method", "fixmatch", "--method.contrast", "1"], "--method.contrast"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
        (["--model.networks", "owned"], "--model.networks"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(store, tmp_path, capsys, arguments, message):
    out = tmp_path / "never"
    assert message in complaint(capsys, "train", str(store.path), *LABELS, "--out", str(out), *arguments)
    assert not out.exists()


def test_settings_that_are_not_text_are_refused(store, tmp_path, capsys):
    (tmp_path / "mine.yaml").write_bytes("seed: 1".encode("utf-16"))
    assert "cannot be read" in complaint(capsys, "train", str(store.path), "--config", str(tmp_path / "mine.yaml"))


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


SHORT = ["--preset", "paper", "--size", "tiny", "--epochs", "1", "--data.resample.frames", "8", "--device", "cpu"]


def said(capsys) -> str:
    return " ".join(capsys.readouterr().out.split())


@pytest.fixture(scope="module")
def numbered(tmp_path_factory) -> Path:
    """A data set of two subjects whose classes are the numbers 1 to 4, and the names of these."""
    folder = tmp_path_factory.mktemp("numbered")
    (folder / "names.txt").write_text("wave\nclap\nsit\njump\n")
    layout = layout_by_name("kinect20")
    with StoreWriter(folder / "store", dataset="mine", layout=layout, classes=["1", "2", "3", "4"], up="y") as writer:
        for clip in small_clips(persons=1):
            writer.add(clip)
    return folder


@pytest.fixture(scope="module")
def finished(numbered) -> Path:
    """A finished run on the clips of the first subject."""
    out = numbered / "finished"
    assert main(["train", str(numbered / "store"), *SHORT, "--split", "subject", "--out", str(out)]) == 0
    return out


def test_every_label_trains_and_the_accuracy_is_estimated_if_asked(numbered, capsys):
    out, names = numbered / "run", numbered / "names.txt"
    assert main(["train", str(numbered / "store"), *SHORT, "--classes", str(names), "--out", str(out)]) == 0
    first = said(capsys)
    assert "all clips are for training" in first
    assert "no accuracy is known" in first
    assert main(["train", "--resume", str(out), "--estimate", "2", "--device", "cpu"]) == 0
    assert "estimated accuracy: " in said(capsys)
    found = json.loads((out / "estimate.json").read_text())
    assert (found["folds"], found["accuracy"]["clips"], len(found["clips"])) == (2, 48, 48)
    assert found["classes"] == ["wave", "clap", "sit", "jump"]
    assert main(["evaluate", str(out), "--device", "cpu"]) == 0
    again = said(capsys)
    assert "estimated accuracy: " in again
    assert "no accuracy is known" not in again


def test_a_finished_run_is_trained_further(finished, capsys):
    again = ["train", "--resume", str(finished), "--epochs", "2"]
    assert main([*again, "--device", "cpu"]) == 0
    printed = said(capsys)
    assert "is trained further in" in printed
    assert "test set full: accuracy" in printed
    assert (finished.parent / "finished-2" / "evaluation.json").exists()
    assert "--seed cannot be used" in complaint(capsys, *again, "--seed", "1")
    assert "Estimate the accuracy of the first run" in complaint(capsys, *again, "--estimate", "2")


def test_training_starts_from_a_model(numbered, finished, capsys):
    store, init = str(numbered / "store"), str(finished / "model.safetensors")
    arguments = ["--init", init, "--method", "psp", "--epochs", "1", "--labels", "2/class", "--device", "cpu"]
    assert main(["train", store, *arguments, "--out", str(numbered / "same")]) == 0
    assert "its classifiers too" in said(capsys)
    names = ["--classes", str(numbered / "names.txt"), "--split", "subject"]
    assert main(["train", store, *arguments, *names, "--out", str(numbered / "other")]) == 0
    assert "the classifiers are new, because the classes differ" in said(capsys)


def test_a_start_that_knows_test_clips_or_labels_is_refused(numbered, finished, capsys):
    start = ["train", str(numbered / "store"), "--init", str(finished), "--epochs", "1", "--device", "cpu"]
    start += ["--out", str(numbered / "refused")]
    told = complaint(capsys, *start, "--split", "fraction=0.5")
    assert re.search(r"trained on \d+ of the \d+ test clips\. Use the split of that run", told)
    told = complaint(capsys, *start, "--split", str(finished / "split.json"), "--estimate", "2")
    assert re.search(r"knows \d+ of the labels, so these cannot be held out", told)
    assert not (numbered / "refused").exists()


def test_a_store_of_another_layout_is_converted_for_a_model(numbered, finished, capsys):
    model, other = str(finished / "model.safetensors"), numbered / "kinect-v2"
    with StoreWriter(other, dataset="other", layout=layout_by_name("ntu25"), classes=["1", "2", "3"], up="z") as writer:
        for clip in small_clips(classes=3, persons=1, joints=25):
            writer.add(clip)
    assert main(["evaluate", model, "--store", str(other), "--device", "cpu"]) == 0
    printed = said(capsys)
    assert "'ntu25' is converted to 'kinect20'" in printed
    assert "of 48 clips" in printed
    arguments = ["train", str(other), "--init", model, "--method", "psp", "--epochs", "1", "--labels", "2/class"]
    assert main([*arguments, "--device", "cpu", "--out", str(numbered / "converted")]) == 0
    assert f"The converted clips are in {other}-kinect20" in said(capsys)
    assert open_store(f"{other}-kinect20").layout == layout_by_name("kinect20")
    assert "was converted for a model before" in complaint(capsys, *arguments)
    lone = numbered / "hands"
    with StoreWriter(lone, dataset="mine", layout=layout_by_name("hand21"), classes=["1", "2"], up="y") as writer:
        for clip in small_clips(clips=4, classes=2, persons=1, joints=21):
            writer.add(clip)
    assert "lack joints of 'kinect20'" in complaint(capsys, "evaluate", model, "--store", str(lone))


def test_filtered_labels_are_named(store, tmp_path, capsys):
    size = ["--size", "tiny", "--epochs", "5", "--data.resample.frames", "8", "--method.modalities", "[joint,velocity]"]
    arguments = [*size, "--method.noisy_labels", "1", "--method.start", "0.8", "--out", str(tmp_path / "run")]
    assert main(["train", str(store.path), *LABELS, *arguments]) == 0
    found = json.loads((tmp_path / "run" / "result.json").read_text())["noisy labels"]
    assert found
    assert f"noisy labels, filtered out: {', '.join(found)}." in " ".join(capsys.readouterr().out.split())
