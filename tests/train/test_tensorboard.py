import pytest

from psp.cli.main import main
from psp.train.api import make_task
from psp.train.logging import read_lines
from psp.train.run import Run
from psp.train.run_folder import RunFolder
from runs import SMALL_RUN, with_stage
from stores import small_store

SHORT = ["--preset", "paper", "--size", "tiny", "--epochs", "1", "--data.resample.frames", "8", "--device", "cpu"]


def test_a_run_is_logged_for_tensorboard_too(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    store, out = small_store(tmp_path / "store", clips=24), tmp_path / "run"
    options = ["--labels", "2/class", "--runtime.log_every", "1", "--tensorboard", "--out", str(out)]
    assert main(["train", str(store.path), *SHORT, *options]) == 0
    events = accumulator.EventAccumulator(str(out / "tensorboard"))
    events.Reload()
    logged = {event.step: event.value for event in events.Scalars("loss")}
    assert logged == pytest.approx({line["step"]: line["loss"] for line in read_lines(RunFolder(out).metrics)})
    assert "clips_per_second" in events.Tags()["scalars"]


def test_without_the_package_nothing_is_begun(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("psp.train.tensorboard.find_spec", lambda name: None)
    store, out = small_store(tmp_path / "store"), tmp_path / "run"
    assert main(["train", str(store.path), "--tensorboard", "--out", str(out)]) == 2
    assert "pip install" in capsys.readouterr().err
    assert not out.exists()


def test_a_callback_gets_what_is_logged(tmp_path):
    task, seen = make_task(small_store(tmp_path / "store"), "2/class", "synthetic-xsub"), {}
    run = Run(task, with_stage(SMALL_RUN, epochs=1), None, "cpu")
    run.train(on_log=lambda step, values: seen.update({step: dict(values)}))
    assert sorted(seen) == list(range(1, run.trainer.steps + 1))
    assert seen[run.trainer.steps]["loss"] == run.trainer.reading.loss
    assert {"loss", "accuracy", "clips_per_second"} <= set(seen[1])
