import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from psp.dataset.labels import draw_budget
from psp.dataset.split import protocol_by_name, split_store
from psp.errors import CheckpointError, ConfigError, TrainingError
from psp.train.run import StoredRun, create_run, open_run, open_run_and_store, require_finished, training_alone
from runs import SMALL_RUN
from stores import small_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("run") / "store")


@pytest.fixture(scope="module")
def budget(store):
    protocol = protocol_by_name(SMALL_RUN.protocol)
    return draw_budget(SMALL_RUN.budget, protocol, store.clips, split_store(protocol, store).train, 0)


@pytest.fixture
def folder(store, budget, tmp_path):
    return create_run(tmp_path / "run", SMALL_RUN, store, budget)


def edit(folder, change) -> None:
    content = json.loads(folder.config.read_text())
    change(content)
    folder.config.write_text(json.dumps(content))


def test_a_run_comes_back_as_it_was_written(folder, store, budget):
    run, again = open_run_and_store(folder.path)
    assert run == StoredRun(folder, SMALL_RUN, budget, run.store_facts)
    assert again.path == store.path
    assert run.store_facts["persons"] == 2
    assert run.store_facts["preprocessing"] == store.manifest["preprocessing"]


def test_an_edited_configuration_is_refused(folder):
    edit(folder, lambda content: content["config"].update(epochs=4))
    with pytest.raises(CheckpointError, match="edited"):
        open_run(folder.path)


@pytest.mark.parametrize("views", [["joint", "bone"], None])
def test_a_run_that_learnt_from_other_views_is_refused(store, budget, tmp_path, views):
    folder = create_run(tmp_path / "run", replace(SMALL_RUN, method="streams"), store, budget)
    assert open_run(folder.path).config.method == "streams"
    edit(folder, lambda content: content.update(views=views) if views else content.pop("views"))
    with pytest.raises(CheckpointError, match=r"learnt from the views joint, .*; today method streams"):
        open_run(folder.path)


@pytest.mark.parametrize("fact", ["fingerprint", "classes", "path", "layout"])
def test_a_missing_fact_is_named(folder, fact):
    edit(folder, lambda content: content["store"].pop(fact))
    with pytest.raises(CheckpointError, match=f"lacks the store's {fact}"):
        open_run(folder.path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"config": 1, "store": 2, "hash": 3}', '{"config": {}}'])
def test_what_is_no_configuration_is_no_run(folder, content):
    folder.config.write_text(content)
    with pytest.raises(CheckpointError, match="not a training run"):
        open_run(folder.path)


@pytest.mark.parametrize("content", [None, "", "{}"])
def test_a_run_without_its_budget_says_what_to_do(folder, content):
    folder.budget.unlink()
    if content is not None:
        folder.budget.write_text(content)
    with pytest.raises(CheckpointError, match=r"the run's label budget.*Restore the file"):
        open_run(folder.path)


def test_a_folder_that_was_only_begun_counts_as_new(folder, store, budget):
    folder.config.unlink()
    (folder.path / ".config.json.123.writing").write_text("{")
    create_run(folder.path, SMALL_RUN, store, budget)
    assert open_run(folder.path).config == SMALL_RUN


def test_a_folder_with_other_things_is_not_overwritten(folder, store, budget):
    folder.config.unlink()
    folder.checkpoints.mkdir()
    with pytest.raises(ConfigError, match="already exists"):
        create_run(folder.path, SMALL_RUN, store, budget)


def test_another_store_is_refused_and_a_moved_one_is_not(folder, store, tmp_path):
    shutil.copytree(store.path, tmp_path / "moved")
    assert open_run_and_store(folder.path, tmp_path / "moved")[1].path == tmp_path / "moved"
    with pytest.raises(CheckpointError, match="another store"):
        open_run_and_store(folder.path, small_store(tmp_path / "other", clips=40).path)


def test_only_a_run_with_a_result_is_finished(folder):
    run = open_run(folder.path)
    with pytest.raises(CheckpointError, match=f"not finished.*--resume {folder.path}"):
        require_finished(run)
    folder.result.write_text("{}")
    require_finished(run)


def test_one_process_at_a_time_trains_a_run(folder):
    hold = "from psp.train.run import RunFolder, training_alone; from pathlib import Path; import sys, time\n"
    hold += "with training_alone(RunFolder(Path(sys.argv[1]))): print('held', flush=True); time.sleep(600)"
    other = subprocess.Popen([sys.executable, "-c", hold, folder.path], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(TrainingError, match=r"another process is training this run.*Wait"), training_alone(folder):
            pass
    finally:
        other.kill()
        other.wait()
    with training_alone(folder):
        pass
