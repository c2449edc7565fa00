import threading
import time
from contextlib import nullcontext

import pytest
import torch

from psp.batches.augment import AugmentConfig
from psp.batches.loader import BatchConfig, Batches, stream
from psp.batches.prefetch import Feed, Prefetch
from psp.batches.joint_reader import RowsOnDevice, RowsOnDisk
from psp.batches.resample import SampleConfig
from stores import small_store

CPU = torch.device("cpu")
APART = BatchConfig(SampleConfig(frames=16), AugmentConfig(turn=30.0, mirror=0.5, noise=0.01), views="apart")
RECORDED = BatchConfig(SampleConfig(frames=16, train="random"), views="apart", motion="recorded")
STEPS = range(9)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("prefetch") / "store")


@pytest.fixture
def draws(store):
    clips = store.clips.order
    streams = [stream(store, clips[:10], 4, 0, "labelled"), stream(store, clips, 7, 0, "unlabelled")]
    return lambda step: [each.draw(step) for each in streams]


def threads() -> int:
    return sum(thread.name.startswith("psp prefetch") for thread in threading.enumerate())


def test_numbers_come_in_any_order():
    with Prefetch(lambda number: number**2) as squares:
        assert [squares.take(number) for number in (0, 1, 2, 7, 8, 3, 3, 4)] == [0, 1, 4, 49, 64, 9, 9, 16]


def test_the_next_one_is_made_meanwhile():
    made = threading.Event()
    with Prefetch(lambda number: made.set() if number == 1 else None) as items:
        items.take(0)
        assert made.wait(5)


def test_an_error_is_raised_where_its_item_is_asked_for():
    with Prefetch(lambda number: 1 / (number - 1)) as items:
        assert items.take(0) == -1
        with pytest.raises(ZeroDivisionError):
            items.take(1)
        assert items.take(2) == 1


def test_it_can_begin_again():
    items = Prefetch(lambda number: number)
    for _ in range(2):
        with items:
            assert items.take(3) == 3


def broken_off(ending: BaseException | None) -> None:
    with Prefetch(lambda number: time.sleep(0.01)) as items:
        items.take(0)
        assert threads() == 1
        if ending:
            raise ending


@pytest.mark.parametrize("ending", [None, KeyboardInterrupt(), ValueError()], ids=["end", "Ctrl-C", "error"])
def test_no_thread_is_left_however_it_ends(ending: BaseException | None):
    with pytest.raises(type(ending)) if ending else nullcontext():
        broken_off(ending)
    assert threads() == 0


@pytest.mark.parametrize("config", [APART, RECORDED, BatchConfig()], ids=["apart", "recorded", "together"])
def test_batches_are_the_same_bit_for_bit_wherever_the_joints_are(store, draws, config):
    on_device = Batches(store, ("joint", "motion"), config, rows=RowsOnDevice(store, CPU))
    on_disk = Batches(store, ("joint", "motion"), config, rows=RowsOnDisk(store, CPU))
    with Feed(on_disk, draws) as feed:
        for step in STEPS:
            ahead, at_once = feed.take(step), [on_device.training(draw) for draw in draws(step)]
            for one, other in zip(ahead, at_once, strict=True):
                for name in ("clips", "labels", "persons"):
                    assert torch.equal(getattr(one, name), getattr(other, name))
                for view, joints in one.views.items():
                    assert torch.equal(joints.view(torch.int32), other.views[view].view(torch.int32))
    assert threads() == 0


def test_an_error_in_reading_reaches_the_caller(store, draws):
    batches = Batches(store, ("joint",), APART)

    with Feed(batches, lambda step: draws(step) if step < 2 else draws(1 // 0)) as feed:
        assert [len(feed.take(step)) for step in range(2)] == [2, 2]
        with pytest.raises(ZeroDivisionError):
            feed.take(2)
    assert threads() == 0
