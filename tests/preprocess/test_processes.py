"""Results do not depend on the number of processes; an error or a killed process ends the work."""

import os
import signal

import pytest

from psp.errors import RecordingError, StoreError
from psp.preprocess.processes import run_in_processes


def _square(number: int) -> int:
    if number < 0:
        raise RecordingError("a negative number.", where=str(number), remedy="Take another.")
    return number * number


def _die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_task_is_done_once(workers: int) -> None:
    assert sorted(run_in_processes(_square, [(n,) for n in range(9)], workers)) == [n * n for n in range(9)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_arrives_whole(workers: int) -> None:
    with pytest.raises(RecordingError) as caught:
        list(run_in_processes(_square, [(1,), (-2,), (3,)], workers))
    assert (caught.value.where, caught.value.remedy) == ("-2", "Take another.")


def test_a_killed_process_is_told() -> None:
    with pytest.raises(StoreError, match="fewer workers"):
        list(run_in_processes(_die, [(1,), (2,)], 2))
