"""Runs of forty steps in double precision give the numbers that the code gave before its redesign.

`golden.json` holds, for each run, its old configuration, the loss of every step, the accuracy and the summed logits of
the averaged weights on the test clips, and sha256 digests of the last and of the averaged weights. Networks of
modalities without contrast were recorded without the pyramid that they never used. The digests, which depend on the
last bit, are compared on processors with the same vector instructions.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from psp.dataset.store import Store
from psp.dataset.labels import LabelBudget
from psp.skeleton.catalogue import layout_by_name
from psp.synthetic import SyntheticConfig, synthetic_clips
from psp.train.api import make_task
from psp.train.config import config_from_plain
from psp.train.ema import averaged_state
from psp.train.run import Run

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


@pytest.fixture(scope="module")
def store() -> Store:
    config = SyntheticConfig(layout="kinect20", clips=240, seed=3)
    clips = list(synthetic_clips(config))
    return Store.in_memory(clips, layout_by_name("kinect20"), config.classes, up="y", dataset="synthetic")


def digest(tensors: Iterable[torch.Tensor]) -> str:
    each = (value.detach().double().contiguous().numpy() for value in tensors if value.is_floating_point())
    hashes = sorted(hashlib.sha256(value.tobytes()).hexdigest() for value in each)
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("name", GOLDEN["runs"])
def test_a_golden_run_gives_the_same_numbers(store, name):
    golden = GOLDEN["runs"][name]
    config = config_from_plain(golden["config"], version=1)
    config = replace(config, runtime=replace(config.runtime, precision="float64"))
    task = make_task(store, LabelBudget("3/class", "synthetic-xsub", 5, tuple(golden["labels"])), "synthetic-xsub")
    run, losses = Run(task, config, None, "cpu"), []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run.train(lambda now: losses.append(now.reading.loss), handle_signals=False)
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_allclose(losses, golden["losses"], rtol=1e-12)
    predictor, index = run.model().predictor, task.split.test_index(store)
    crops = config.data.resample.test_crops
    with torch.no_grad():
        logits = torch.stack(
            [
                torch.cat(
                    [predictor.logits(b.sample) for b in run.data.maker.in_order(index, predictor.modalities, crop=c)]
                )
                for c in crops
            ]
        ).mean(0)
    hits = logits.argmax(dim=1).numpy() == store.clips.label[index]
    assert 100 * hits.mean() == pytest.approx(golden["top1"])
    assert float(logits.abs().sum()) == pytest.approx(golden["logits"], rel=1e-10)
    assert run.findings().get("noisy labels", []) == golden["doubted"]
    if torch.backends.cpu.get_cpu_capability() == GOLDEN["machine"]:
        assert digest(averaged_state(run.trainer.method).values()) == golden["weights"]
        assert digest(run.trainer.ema.state.values()) == golden["averaged"]
