"""`psp label` and `psp live`: the processes as a user starts and stops them, and mistakes."""

import http.client
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from labelling import store_to_label
from psp.cli import label as command
from psp.cli import local_page
from psp.cli.main import main
from psp.dataset.split import UNDIVIDED, resolve_split
from psp.label.folder import LabelFolder
from psp.label.journal import Entry


@pytest.fixture
def store(tmp_path):
    return store_to_label(tmp_path / "store", clips=12)


def test_a_server_prints_its_link_and_ends_cleanly_on_a_signal(store, tmp_path):
    (tmp_path / "given.csv").write_text("id,label\nclip003,wave\n")
    words = [sys.executable, "-m", "psp", "label", str(store.path), "--labels", str(tmp_path / "given.csv")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "300"}) as process:
        try:
            lines = []
            while not (lines and "token=" in lines[-1]):
                lines.append(process.stdout.readline())
                assert lines[-1], lines
            link = urlsplit(re.search(r"http://\S+", lines[-1])[0])
            assert link.hostname == "127.0.0.1"
            connection = http.client.HTTPConnection(link.hostname, link.port, timeout=60)
            connection.request("GET", f"/?{link.query}")
            assert connection.getresponse().status == 200
            process.send_signal(signal.SIGTERM)
            rest = process.stdout.read()
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert "1 labels taken up" in lines[0]
    assert "psp train" in rest
    assert "--new-classes" in rest
    assert (tmp_path / "store-labels" / "labels.csv").read_text() == "id,label\nclip003,wave\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["label", "STORE", "--every", "0"], "--every"),
        (["label", "STORE", "--seed", "4294967296"], "--seed"),
        (["label", "nowhere"], "not a stored data set"),
        (["label", "STORE", "--split", "magic"], "magic"),
        (["label", "STORE", "--method", "fixmach"], "there is no method 'fixmach'. Did you mean 'fixmatch'?"),
        (["label", "STORE", "--select", "magic"], "select"),
        (["label", "STORE", "--out", "STORE"], "other files"),
        (["live", "nowhere"], "no such file"),
        (["live", "nowhere", "x", "--watch", "y"], "one source"),
        (["live", "nowhere", "--speed", "0"], "--speed"),
    ],
)
def test_mistakes_are_named(store, capsys, arguments, message):
    words = [each.replace("STORE", str(store.path)) for each in arguments]
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_the_command_for_training_adds_the_classes_that_the_data_set_lacks(tmp_path):
    store = store_to_label(tmp_path / "store", clips=12, classes=("walk",))
    folder = LabelFolder(tmp_path / "labels", store, resolve_split(UNDIVIDED, store))
    folder.add(Entry("label", ("clip000",), "walk"))
    words = ["psp", "train", "store", "--labels", str(folder.table), "--split", str(tmp_path / "labels" / "split.json")]
    assert shlex.split(command.training_command(Path("store"), folder)) == words
    folder.add(Entry("label", ("clip001",), "wave"))
    assert shlex.split(command.training_command(Path("store"), folder)) == [*words, "--new-classes"]
    folder.close()


def test_a_missing_extra_is_named(store, capsys, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name, name="uvicorn")

    monkeypatch.setattr(local_page.importlib, "import_module", missing)
    assert main(["label", str(store.path)]) == 2
    assert "pip install 'psp-learning[label]'" in capsys.readouterr().err
