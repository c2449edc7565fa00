import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from psp.config.upgrade import CONFIG_VERSION
from psp.errors import CheckpointError, DestinationError
from psp.files import destination_lock
from psp.train.api import make_task, resume_run
from psp.train.run_folder import RunFolder, StoredRun, create_run, open_run
from runs import SMALL_RUN, small_run
from stores import small_store


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return make_task(small_store(tmp_path_factory.mktemp("folder") / "store"), "2/class", "synthetic-xsub")


@pytest.fixture
def folder(task, tmp_path):
    return create_run(tmp_path / "run", SMALL_RUN, task)


def edit(folder, change) -> None:
    content = json.loads(folder.config.read_text())
    change(content)
    folder.config.write_text(json.dumps(content))


def test_a_run_comes_back_as_it_was_written(folder, task):
    run = open_run(folder.path)
    assert run == StoredRun(folder, SMALL_RUN, task.split, task.labels, run.store_facts)
    again = run.task()
    assert (again.store.path, again.split, again.labels) == (task.store.path, task.split, task.labels)
    assert run.store_facts["fingerprint"] == task.store.fingerprint


def test_several_stages_come_back_too(task, tmp_path):
    create_run(tmp_path / "run", small_run("moco", bank=8), task)
    assert open_run(tmp_path / "run").config == small_run("moco", bank=8)


def test_an_edited_configuration_is_refused(folder):
    edit(folder, lambda content: content["config"]["stages"][0].update(epochs=4))
    with pytest.raises(CheckpointError, match="edited"):
        open_run(folder.path)


@pytest.mark.parametrize("change", [{"epochs": 0}, {"epochs": "many"}, {"zzz": 1}, {"method": {"name": "zzz"}}])
def test_a_configuration_that_cannot_be_is_one_sentence(folder, change):
    edit(folder, lambda content: content["config"]["stages"][0].update(change))
    with pytest.raises(Exception, match=r"out of range|is not of type|no such setting|there is no method") as error:
        open_run(folder.path)
    assert type(error.value).__module__ == "psp.errors"


@pytest.mark.parametrize("fact", ["fingerprint", "classes", "path"])
def test_a_missing_fact_is_named(folder, fact):
    edit(folder, lambda content: content["store"].pop(fact))
    with pytest.raises(CheckpointError, match=f"store.{fact}: the key is missing"):
        open_run(folder.path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"config": 1, "store": 2, "hash": 3}', '{"config": {}}', None])
def test_what_is_no_configuration_is_no_run(folder, content):
    folder.config.unlink()
    if content is not None:
        folder.config.write_text(content)
    with pytest.raises(CheckpointError, match=r"not a training run|config\.json"):
        open_run(folder.path)


def test_a_run_of_an_earlier_version_says_so(folder):
    """Its configuration can be read, its checkpoints cannot."""
    assert CONFIG_VERSION > 1
    content = json.loads(folder.config.read_text())
    golden = folder.path.parent / "old.json"
    shutil.copy(__file__.replace("train/test_run_folder.py", "golden/golden.json"), golden)
    old = next(iter(json.loads(golden.read_text())["runs"].values()))["config"]
    folder.config.write_text(json.dumps({"hash": "x", "store": content["store"], "config": old}))
    with pytest.raises(CheckpointError, match="earlier version of psp"):
        open_run(folder.path)


@pytest.mark.parametrize("part", ["labels", "split"])
@pytest.mark.parametrize("content", [None, "", "{}"])
def test_a_run_without_its_labels_or_split_says_what_to_do(folder, part, content):
    file = getattr(folder, part)
    file.unlink()
    if content is not None:
        file.write_text(content)
    with pytest.raises(CheckpointError, match=r"Restore the file"):
        open_run(folder.path)


def test_a_folder_that_was_only_begun_counts_as_new(folder, task):
    folder.config.unlink()
    (folder.path / ".config.json.123.writing").write_text("{")
    create_run(folder.path, SMALL_RUN, task)
    assert open_run(folder.path).config == SMALL_RUN


@pytest.mark.parametrize("other", ["config.json", "checkpoints", "notes.txt"])
def test_a_folder_with_other_things_is_not_overwritten(folder, task, other):
    folder.config.unlink()
    (folder.path / other).write_text("mine")
    before = {path: path.read_bytes() for path in folder.path.iterdir()}
    with pytest.raises(DestinationError, match=r"already exists.*--resume"):
        create_run(folder.path, replace(SMALL_RUN, seed=1), task)
    assert {path: path.read_bytes() for path in folder.path.iterdir()} == before


def test_another_store_is_refused_and_a_moved_one_is_not(folder, task, tmp_path):
    shutil.copytree(task.store.path, tmp_path / "moved")
    assert open_run(folder.path).task(tmp_path / "moved").store.path == tmp_path / "moved"
    with pytest.raises(CheckpointError, match="another store"):
        open_run(folder.path).task(small_store(tmp_path / "other", clips=40).path)


def test_only_a_run_with_a_result_is_finished(folder):
    run = open_run(folder.path)
    with pytest.raises(CheckpointError, match=f"not finished.*--resume {folder.path}"):
        run.require_finished()
    folder.result.write_text("{}")
    run.require_finished()


def test_the_files_of_a_run_lie_in_its_folder(tmp_path):
    folder = RunFolder(tmp_path)
    files = [folder.model(), folder.model("last"), folder.non_finite(0), folder.non_finite(2), folder.evaluation]
    assert [file.name for file in files] == [
        "model.safetensors", "last.safetensors", "non-finite.json", "non-finite-rank2.json", "evaluation.json",
    ]  # fmt: skip


def test_one_process_at_a_time_trains_a_run(folder):
    hold = "from psp.files import destination_lock; from pathlib import Path; import sys, time\n"
    hold += "with destination_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    other = subprocess.Popen([sys.executable, "-c", hold, folder.path], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DestinationError, match=rf"another process writes here \(process {other.pid} .*Wait"):
            resume_run(folder.path, device="cpu").train()
        assert not folder.checkpoints.exists()
        assert not folder.metrics.exists()
    finally:
        other.kill()
        other.wait()
    with destination_lock(folder.path):
        pass
