"""Runs of forty steps in double precision give the numbers that the code gave before its redesign.

`golden.json` holds, for each run, its old configuration, the loss of every step, and the accuracy and the summed logits
of the averaged weights on the test clips. Networks of modalities without contrast were recorded without the pyramid
that they never used. All runs but two are trained for their first steps only. The libraries of linear algebra use the
same instructions on all processors (MKL_CBWR); other sums differ in the last bit, so that the losses drift apart, and
are compared closely at the beginning.
"""

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from psp.dataset.budget import LabelBudget
from psp.dataset.store import Store
from psp.evaluate.predict import predict_logits
from psp.skeleton.catalogue import layout_by_name
from psp.synthetic import SyntheticConfig, synthetic_clips
from psp.train.api import make_task
from psp.train.config import config_from_plain
from psp.train.run import Run
from psp.train.run_folder import Task
from psp.train.trainer import Progress

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())["runs"]
SIZES = ("tiny", "light")

FIRST = 5
"""For how many steps the losses agree to 1e-12 between processors, and how many steps of some runs are compared."""


WHOLE = ("tiny/psp-paper", "tiny/mean_teacher-noisy")
"""The runs that are trained to their end; the second one filters labels."""


def steps_of(name: str) -> int | None:
    """How many steps of a run are compared, None for all of them and what they lead to."""
    return None if name in WHOLE else FIRST


def built_in_clips() -> Store:
    config = SyntheticConfig(layout="kinect20", clips=240, seed=3)
    clips = list(synthetic_clips(config))
    return Store.in_memory(clips, layout_by_name("kinect20"), config.classes, up="y", dataset="synthetic")


class EnoughError(Exception):
    """Raised after the last step that is compared."""


def repeated(store: Store, golden: dict[str, Any], most: int | None) -> dict[str, Any]:
    """The numbers of one run, in the form of the recorded ones; with `most` only the losses of so many steps."""
    config = config_from_plain(golden["config"], version=1)
    config = replace(config, runtime=replace(config.runtime, precision="float64"))
    task = make_task(store, LabelBudget("3/class", "synthetic-xsub", 5, tuple(golden["labels"])), "synthetic-xsub")
    run, losses = Run(task, config, None, "cpu"), []

    def on_step(now: Progress) -> None:
        losses.append(now.reading.loss)
        if len(losses) == most:
            raise EnoughError

    with suppress(EnoughError):
        run.train(on_step, handle_signals=False)
    return {"losses": losses} if most else {"losses": losses, **outcome(store, run, task)}


def outcome(store: Store, run: Run, task: Task) -> dict[str, Any]:
    index = task.split.test_index(store)
    logits = predict_logits(run.model().predictor, run.data.maker, index)
    return {
        "top1": float(100 * (logits.argmax(dim=1).numpy() == store.clips.label[index]).mean()),
        "logits": float(logits.abs().sum()),
        "doubted": run.findings().get("noisy labels", []),
    }


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_golden_runs_give_the_same_numbers(size):
    """In a process of its own, with one thread and without the checks of shapes."""
    alike = {**os.environ, "MKL_CBWR": "COMPATIBLE"}
    done = subprocess.run([sys.executable, __file__, size], capture_output=True, text=True, check=True, env=alike)
    found = json.loads(done.stdout)
    assert len(found) == 6
    for name, ours in found.items():
        golden, losses = GOLDEN[name], ours["losses"]
        assert len(losses) == (steps_of(name) or 40)
        np.testing.assert_allclose(losses[:FIRST], golden["losses"][:FIRST], rtol=1e-12, err_msg=name)
        np.testing.assert_allclose(losses, golden["losses"][: len(losses)], rtol=1e-6, err_msg=name)
        if steps_of(name):
            continue
        assert ours["top1"] == pytest.approx(golden["top1"]), name
        assert ours["logits"] == pytest.approx(golden["logits"], rel=1e-4), name
        assert ours["doubted"] == golden["doubted"], name


if __name__ == "__main__":
    torch.set_num_threads(1)
    made = built_in_clips()
    size = sys.argv[1]
    runs = {name: golden for name, golden in GOLDEN.items() if name.startswith(f"{size}/")}
    found = {name: repeated(made, golden, steps_of(name)) for name, golden in runs.items()}
    sys.stdout.write(json.dumps(found))
