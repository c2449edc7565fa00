"""Work that cannot fit is refused before it begins."""

from collections import namedtuple
from dataclasses import replace

import pytest
import torch

from psp.dataset.build import prepare
from psp.errors import ConfigError, DestinationError
from psp.free_space import free_memory, require_disk, require_memory
from psp.io.base import open_reader
from psp.label.features import require_memory_of_features
from psp.model.memory import MemoryConfig
from psp.train.api import make_task, start_run
from runs import SMALL_RUN, with_stage
from stores import small_store

Usage = namedtuple("Usage", "free")


@pytest.fixture
def task(tmp_path):
    return make_task(small_store(tmp_path / "store"), "2/class", "synthetic-xsub")


@pytest.fixture
def full_disk(monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10))


def test_the_memory_of_this_computer_is_known(tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:  3 kB\nSwapFree: 2 kB\nHugePages_Total: 0\n")
    monkeypatch.setattr("psp.free_space.MEMORY", tmp_path / "meminfo")
    assert free_memory() == 5 * 1024
    require_memory(5 * 1024, "it", "Wait.")
    with pytest.raises(ConfigError, match=r"it needs at least 2 GiB of memory, and 0.00488 MiB are free. Wait."):
        require_memory(2**31, "it", "Wait.")
    monkeypatch.setattr("psp.free_space.MEMORY", tmp_path / "absent")
    assert (free_memory() or 2**40) > 2**20


def test_the_disk_of_a_path_that_does_not_exist_yet_is_that_of_its_folder(tmp_path, full_disk):
    require_disk(tmp_path / "new" / "run", 10, "it")
    with pytest.raises(DestinationError, match=r"new/run: it needs at least .* on the disk"):
        require_disk(tmp_path / "new" / "run", 11, "it")


@pytest.mark.parametrize("chunk", [0, 2])
def test_a_step_that_does_not_fit_into_memory_is_refused(task, tmp_path, monkeypatch, chunk):
    """Its inputs; and the inputs of the blocks that encode the labelled clips, unless they are encoded in chunks."""
    inputs, kept = 2 * (4096 + 8) * 2 * 8 * 20 * 3 * 4, 2 * 4096 * (4 * 8 + 4 * 4) * 20 * 2
    config = with_stage(SMALL_RUN, batch=replace(SMALL_RUN.last.batch, labelled=4096))
    config = replace(config, runtime=replace(config.runtime, memory=MemoryConfig(chunk=chunk)))
    needed = inputs + kept * (chunk / 8192 if chunk else 1)
    monkeypatch.setattr("psp.free_space.free_memory", lambda: int(needed) - 1)
    with pytest.raises(ConfigError, match=f"a step of training needs at least {needed / 2**20:.3g} MiB"):
        start_run(task, config, tmp_path / "run", "cpu")
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr("psp.free_space.free_memory", lambda: int(needed))
    start_run(task, config, tmp_path / "run", "cpu")


def test_a_network_that_does_not_fit_into_memory_is_refused(task, tmp_path, monkeypatch):
    monkeypatch.setattr("psp.free_space.free_memory", lambda: 10**4)
    with pytest.raises(ConfigError, match="the network needs at least"):
        start_run(task, SMALL_RUN, tmp_path / "run", "cpu")


def test_a_run_without_room_on_the_disk_is_refused(task, tmp_path, full_disk):
    with pytest.raises(DestinationError, match="this training needs at least"):
        start_run(task, SMALL_RUN, tmp_path / "run", "cpu")
    assert not (tmp_path / "run").exists()


def test_generated_recordings_without_room_on_the_disk_are_refused(tmp_path, full_disk):
    with pytest.raises(DestinationError, match="the data set, while it is made, needs"):
        prepare(open_reader("synthetic", clips=10), tmp_path / "store", workers=1)
    assert not list(tmp_path.iterdir())


def test_clips_whose_joints_do_not_fit_into_memory_are_not_chosen_from(task, monkeypatch):
    monkeypatch.setattr("psp.free_space.free_memory", lambda: 10**4)
    with pytest.raises(ConfigError, match="the choice of clips"):
        require_memory_of_features(task.store, torch.arange(9).numpy())
