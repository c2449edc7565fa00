"""Runs of forty steps in double precision give the numbers that the code gave before its redesign.

`golden.json` holds, for each run, its old configuration, the loss of every step, the accuracy and the summed logits of
the averaged weights on the test clips, and sha256 digests of the last and of the averaged weights. Networks of
modalities without contrast were recorded without the pyramid that they never used. The digests, which depend on the
last bit, are compared on processors with the same vector instructions.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from psp.dataset.labels import LabelBudget
from psp.dataset.store import Store
from psp.evaluate.predict import predict_logits
from psp.skeleton.catalogue import layout_by_name
from psp.synthetic import SyntheticConfig, synthetic_clips
from psp.train.api import make_task
from psp.train.config import config_from_plain
from psp.train.ema import averaged_state
from psp.train.run import Run

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


def built_in_clips() -> Store:
    config = SyntheticConfig(layout="kinect20", clips=240, seed=3)
    clips = list(synthetic_clips(config))
    return Store.in_memory(clips, layout_by_name("kinect20"), config.classes, up="y", dataset="synthetic")


def digest(tensors: Iterable[torch.Tensor]) -> str:
    each = (value.detach().double().contiguous().numpy() for value in tensors if value.is_floating_point())
    hashes = sorted(hashlib.sha256(value.tobytes()).hexdigest() for value in each)
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def repeated(store: Store, golden: dict[str, Any]) -> dict[str, Any]:
    """The numbers of one run, in the form of the recorded ones."""
    config = config_from_plain(golden["config"], version=1)
    config = replace(config, runtime=replace(config.runtime, precision="float64"))
    task = make_task(store, LabelBudget("3/class", "synthetic-xsub", 5, tuple(golden["labels"])), "synthetic-xsub")
    run, losses = Run(task, config, None, "cpu"), []
    run.train(lambda now: losses.append(now.reading.loss), handle_signals=False)
    index = task.split.test_index(store)
    logits = predict_logits(run.model().predictor, run.data.maker, index)
    return {
        "losses": losses,
        "top1": float(100 * (logits.argmax(dim=1).numpy() == store.clips.label[index]).mean()),
        "logits": float(logits.abs().sum()),
        "doubted": run.findings().get("noisy labels", []),
        "weights": digest(averaged_state(run.trainer.method).values()),
        "averaged": digest(run.trainer.ema.state.values()),
    }


@pytest.mark.slow
@pytest.mark.parametrize("size", ["tiny", "light"])
def test_golden_runs_give_the_same_numbers(size):
    """In a process of its own, with one thread and without the checks of shapes."""
    done = subprocess.run([sys.executable, __file__, size], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert len(found) == 6
    for name, ours in found.items():
        golden = GOLDEN["runs"][name]
        np.testing.assert_allclose(ours["losses"], golden["losses"], rtol=1e-12, err_msg=name)
        assert ours["top1"] == pytest.approx(golden["top1"]), name
        assert ours["logits"] == pytest.approx(golden["logits"], rel=1e-10), name
        assert ours["doubted"] == golden["doubted"], name
        if torch.backends.cpu.get_cpu_capability() == GOLDEN["machine"]:
            assert (ours["weights"], ours["averaged"]) == (golden["weights"], golden["averaged"]), name


if __name__ == "__main__":
    torch.set_num_threads(1)
    made = built_in_clips()
    runs = {name: golden for name, golden in GOLDEN["runs"].items() if name.startswith(f"{sys.argv[1]}/")}
    sys.stdout.write(json.dumps({name: repeated(made, golden) for name, golden in runs.items()}))
