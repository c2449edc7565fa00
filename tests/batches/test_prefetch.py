import threading
import time
from contextlib import nullcontext

import pytest

from psp.batches.prefetch import Prefetch


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
