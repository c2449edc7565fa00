import os
import signal
import threading

import pytest

from psp.train.interrupt import Interrupt


@pytest.fixture(autouse=True)
def pythons_own_handler():
    """Programs that a shell starts in the background inherit that SIGINT is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with Interrupt() as interrupt:
        assert interrupt.signal is None
        os.kill(os.getpid(), number)
        assert interrupt.signal == number
    assert signal.getsignal(number) is before


def test_threads_beside_the_main_one_may_train_but_hear_no_signals():
    def enter() -> None:
        with Interrupt() as interrupt:
            heard.append(interrupt.signal)

    heard: list[int | None] = []
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert heard == [None]


def test_a_second_signal_acts_as_before():
    with Interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.signal == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
