import numpy as np
import pytest
import torch

from psp.errors import CheckpointError, ConfigError
from psp.evaluate.trained import index_of_ids, open_model, open_trained
from psp.train.api import make_task, start_run, train_run
from psp.train.checkpoint import load_checkpoint
from runs import SMALL_RUN, small_run, with_stage
from stores import small_store


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    task = make_task(small_store(folder / "store"), "2/class", "synthetic-xsub")
    return train_run(task, with_stage(SMALL_RUN, epochs=1), folder / "run")


def test_a_finished_run_opens_with_its_data(run, tmp_path):
    trained = open_trained(run, device="cpu")
    assert not trained.model.predictor.training
    assert trained.model.predictor.modalities == ("joint", "motion")
    assert set(trained.store.clips.column("subject")[trained.test_index()]) == {2, 4, 6}


def test_a_run_opens_with_a_store_that_has_moved(tmp_path):
    task = make_task(small_store(tmp_path / "store"), "2/class", "synthetic-xsub")
    run = train_run(task, with_stage(SMALL_RUN, epochs=1), tmp_path / "run")
    moved = (tmp_path / "store").rename(tmp_path / "moved")
    assert open_trained(run, moved, "last", "cpu").store.path == moved


def test_a_run_folder_and_its_model_file_are_the_same_model(run):
    folder, file = open_model(run), open_model(run / "model.safetensors")
    assert folder.interface == file.interface
    for name, value in folder.predictor.state_dict().items():
        assert torch.equal(value, file.predictor.state_dict()[name])
    last = open_model(run, "last").predictor.state_dict()
    assert any(not torch.equal(value, last[name]) for name, value in folder.predictor.state_dict().items())


def test_opening_a_model_leaves_the_random_state(run):
    before = torch.get_rng_state()
    open_model(run)
    assert open_trained(run, device="cpu").heads
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("method", ["psp", "psp-mean-teacher"])
@pytest.mark.parametrize("weights", ["average", "last"])
def test_heads_have_the_weights_that_are_asked_for(method, weights, tmp_path):
    config = with_stage(small_run(method), epochs=1)
    task = make_task(small_store(tmp_path / "store"), "2/class", "synthetic-xsub")
    run = train_run(task, config, tmp_path / "run")
    heads = open_trained(run, weights=weights, device="cpu").heads
    assert set(heads) == {"psp": {"joint", "motion"}, "psp-mean-teacher": {"joint", "velocity"}}[method]
    name = {"psp": "heads.0", "psp-mean-teacher": "heads.all"}[method]
    stored = load_checkpoint(run / "checkpoints")[0][
        f"{'ema' if weights == 'average' else 'method'}.{name}.projection.hidden.weight"
    ]
    assert torch.equal(heads["joint"].projection.hidden.weight, stored)


def test_a_method_without_contrast_has_no_heads(tmp_path):
    task = make_task(small_store(tmp_path / "store"), "2/class", "synthetic-xsub")
    run = train_run(task, with_stage(small_run("supervised"), epochs=1), tmp_path / "run")
    assert open_trained(run, device="cpu").heads == {}


def test_what_is_no_finished_run_is_refused(run, tmp_path):
    task = make_task(small_store(tmp_path / "store"), "2/class", "synthetic-xsub")
    unfinished = start_run(task, SMALL_RUN, tmp_path / "run").folder.path
    for opened in (open_trained, open_model):
        with pytest.raises(CheckpointError, match="--resume"):
            opened(unfinished)
        with pytest.raises(CheckpointError, match="not a training run"):
            opened(tmp_path)
    with pytest.raises(CheckpointError, match="no such file"):
        open_model(tmp_path / "absent.safetensors")
    (tmp_path / "other.safetensors").write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="damaged"):
        open_model(tmp_path / "other.safetensors")


def test_clips_are_found_by_their_ids(tmp_path):
    store = small_store(tmp_path / "store", clips=8)
    assert np.array_equal(index_of_ids(store, ["clip005", "clip001"]), [5, 1])
    with pytest.raises(ConfigError, match="no clip 'clip9'"):
        index_of_ids(store, ["clip005", "clip9"])
