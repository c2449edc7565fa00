"""Impossible arguments of every command and every method: one sentence, soon, and nothing written."""

import os
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import pytest

from attack.attacks import refusal
from psp.cli.main import COMMANDS
from psp.errors import ConfigError
from psp.methods import METHODS
from psp.train.config import method_config
from stores import small_store

NUMBERS = ["9" * 26, "9" * 5000, "1e400", "nan", "2001-13-45", "0b_", "!!int abc", "[" * 3000, "-1", ""]
SETTINGS = [
    "epochs", "seed", "batch.labelled", "data.resample.frames", "optim.learning_rate", "labels", "split",
    "method.modalities",
]  # fmt: skip
FILES = {
    "aliases.yaml": "a: &a [x, x]\nb: &b [*a, *a]\nmethod: *b\n",
    "deep.yaml": "[" * 20_000,
    "date.yaml": "epochs: 2001-13-45\n",
    "digits.yaml": f"epochs: {'9' * 5000}\n",
    "tag.yaml": "seed: !!python/object/apply:os.system [id]\n",
    "bytes.yaml": "\udcff\udcfe",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    small_store(folder / "store")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8", errors="surrogateescape")
    for name in ("pipe", "pipe.yaml", "pipe.npy", "pipe.zip", "pipe.safetensors"):
        os.mkfifo(folder / name)
    (folder / "empty").mkdir()
    return folder


WITHOUT_PLACE = {"formats", "layouts", "demo", "reproduce"}


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in WITHOUT_PLACE])
@pytest.mark.parametrize("place", ["pipe", "pipe.npy", "pipe.safetensors", "empty", "absent", "deep.yaml", "\udcff"])
def test_a_place_that_is_nothing_is_refused(command, place, folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    before = sorted(os.listdir())
    refusal([command, place], capsys)
    refusal([command, place, place], capsys)
    assert [each for each in sorted(os.listdir()) if not each.startswith(".") or each in before] == before


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("value", NUMBERS)
def test_impossible_settings_are_refused(setting, value, folder, capsys, monkeypatch):
    if (setting, value) == ("optim.learning_rate", "9" * 26):
        pytest.skip("it is a finite number above 0")
    monkeypatch.chdir(folder)
    refusal(["train", "store", f"--{setting}", value], capsys)
    assert not Path("runs").exists()


@pytest.mark.parametrize("name", [*FILES, "pipe.yaml"])
def test_hostile_files_of_settings_are_refused(name, folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    for arguments in (["train", "store", "--config"], ["train", "store", "--labels"], ["train", "store", "--split"]):
        refusal([*arguments, name], capsys)
    refusal(["prepare", "store", "new", "--format", "arrays", "--layout", name], capsys)
    assert not Path("new").exists()


@pytest.mark.parametrize("clips", [str(10**12), "9" * 30, "-1", "nan"])
def test_more_clips_than_there_is_room_for_are_refused(clips, folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    refusal(["prepare", "synthetic", "new", "--clips", clips], capsys)


@pytest.mark.parametrize("method", METHODS)
def test_options_of_methods_are_values_or_refused(method):
    for field in fields(METHODS[method].Config):
        for value in (None, "", "[/]", -1, 10**30, float("nan"), float("inf"), [], {}, [[[[]]]], "9" * 5000):
            with suppress(ConfigError):
                method_config(method, **{field.name: value})
