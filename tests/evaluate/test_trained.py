from dataclasses import replace

import numpy as np
import pytest

from psp.errors import CheckpointError, ConfigError
from psp.evaluate.trained import open_trained, rows_of
from psp.train.train import start_run, train_run
from runs import SMALL_RUN
from stores import small_store


def test_a_finished_run_opens_with_the_batches_it_saw(tmp_path):
    store = small_store(tmp_path / "store")
    trained = open_trained(train_run(store, replace(SMALL_RUN, epochs=1), tmp_path / "run"), device="cpu")
    assert not trained.network.training
    assert trained.batches.views == ("joint", "motion")
    assert set(store.clips.subject[trained.tests()]) == {2, 4, 6}
    moved = (tmp_path / "store").rename(tmp_path / "moved")
    assert open_trained(tmp_path / "run", moved, "last", "cpu").store.path == moved


def test_an_unfinished_run_is_refused(tmp_path):
    unfinished = start_run(small_store(tmp_path / "store"), SMALL_RUN, tmp_path / "run").folder.path
    with pytest.raises(CheckpointError, match="--resume"):
        open_trained(unfinished)


def test_clips_are_found_by_their_ids(tmp_path):
    store = small_store(tmp_path / "store", clips=8)
    assert np.array_equal(rows_of(store, ["clip005", "clip001"]), [5, 1])
    with pytest.raises(ConfigError, match="no clip 'clip9'"):
        rows_of(store, ["clip9"])
