import json
from dataclasses import replace

import pytest
import torch

from benchmarks import machine
from benchmarks.step import (
    PublishedStep,
    StepSettings,
    count_waits,
    judged,
    measure_step,
    one_person_ratio,
    random_batches,
)
from benchmarks.timing import Timing
from benchmarks.work import Rates, Work
from psp.batches.batch import LabelledBatch
from psp.errors import ConfigError
from psp.train import device

CPU = torch.device("cpu")
SMALL = StepSettings("tiny", "nw-ucla", clips=11)


@pytest.fixture(autouse=True)
def _small_matrices(monkeypatch):
    monkeypatch.setattr(machine, "PRODUCT_SIZE", {"cpu": 128})
    monkeypatch.setattr(machine, "COPY_BYTES", {"cpu": 2**20})


def test_a_step_is_judged_by_its_floor():
    found = measure_step(SMALL, CPU, seconds=0.01)
    step = found["step"]
    assert step["times the floor"] == pytest.approx(step["seconds"] / step["floor seconds"])
    assert 0 < step["floor seconds"] < step["floor of layers seconds"]
    assert 0 < found["encoder"]["operations"] < step["operations"]
    parts = [found[f"{part} seconds"] for part in ("forward", "backward", "optimiser")]
    assert sum(parts) == pytest.approx(step["seconds"])
    assert json.loads(json.dumps(found)) == found


def test_the_floor_is_of_the_rates():
    found = judged(Timing(2.0, 1.0, 3.0, 5), Work(((100, 10),), 0), Rates(100.0, 1000.0))
    assert found["times the floor"] == 2
    assert found["share of the matrix rate"] == 0.5


def test_one_clip_in_eleven_is_labelled():
    batch = random_batches(replace(SMALL, shape="ntu", clips=22, one_person=0.5), CPU)
    labelled, unlabelled = batch["labelled"], batch["unlabelled"]
    assert (len(labelled), len(unlabelled)) == (2, 20)
    assert isinstance(labelled, LabelledBatch)
    assert not isinstance(unlabelled, LabelledBatch)
    assert unlabelled.sample.persons.sum() == 30
    assert not unlabelled.sample.modalities["motion"][~unlabelled.sample.persons].any()


def test_the_parts_of_a_batch_are_the_whole_batch():
    parts = [random_batches(SMALL, CPU, slice(rank, None, 2)) for rank in range(2)]
    for name in ("labelled", "unlabelled"):
        found = torch.cat([part[name].index for part in parts])
        assert found.sort().values.tolist() == random_batches(SMALL, CPU)[name].index.tolist()


def test_steps_may_be_repeated_without_end():
    step = PublishedStep(SMALL, CPU)
    first = step.forward().item()
    for _ in range(5):
        step.whole()
    assert step.forward().item() == pytest.approx(first, rel=1e-3)


def test_absent_persons_cost_less_than_present_ones():
    assert one_person_ratio(replace(SMALL, shape="ntu"), CPU, seconds=0.01) > 0


@pytest.mark.parametrize(("hardware", "used"), [(True, "bf16"), (False, "float32")])
def test_low_precision_is_measured_where_the_device_has_it(hardware, used, monkeypatch):
    monkeypatch.setattr(device, "multiplies_bf16", lambda _: hardware)
    found = measure_step(replace(SMALL, precision="bf16"), CPU, seconds=0.001)
    assert (found["settings"]["precision"], found["precision"]) == ("bf16", used)


def test_a_processor_is_never_waited_for():
    assert count_waits(lambda: torch.ones(1).item(), CPU) == 0


def test_impossible_steps_are_refused():
    with pytest.raises(ConfigError):
        StepSettings(clips=1)
    with pytest.raises(ConfigError):
        StepSettings(one_person=1.5)
