import os
import time

import pytest

from psp.errors import TrainingError
from psp.reproduce.side_by_side import STOP, run_side_by_side


def double(number: int) -> int:
    return 2 * number


def until_stopped(path: str) -> int | None:
    """As a training would: works until it is asked to stop, then saves."""
    open(path + ".begun", "w").close()
    end = time.monotonic() + 60
    while not STOP() and time.monotonic() < end:
        time.sleep(0.01)
    open(path + ".saved", "w").close()
    return 2


def fail(path: str) -> None:
    while not os.path.exists(path + ".begun"):
        time.sleep(0.01)
    raise TrainingError("the loss is not finite.", where="step 7", remedy="Lower the rate.")


def die(path: str) -> None:
    os._exit(9)


def never() -> bool:
    return False


def test_every_task_is_done():
    assert sorted(run_side_by_side(double, [(number,) for number in range(5)], 2, never)) == [0, 2, 4, 6, 8]


def test_processes_that_are_asked_to_stop_save_first(tmp_path):
    tasks = [(str(tmp_path / name),) for name in "abc"]
    found = list(run_side_by_side(until_stopped, tasks, 1, (tmp_path / "a.begun").exists))
    assert found[0] == 2
    assert (tmp_path / "a.saved").exists()
    assert not (tmp_path / "c.begun").exists()


def both(kind: str, path: str) -> int | None:
    return until_stopped(path) if kind == "train" else fail(path)


def test_when_one_fails_the_others_save_and_the_error_is_told(tmp_path):
    path = str(tmp_path / "a")
    with pytest.raises(TrainingError, match=r"step 7: the loss is not finite\. Lower the rate\.") as found:
        list(run_side_by_side(both, [("train", path), ("fail", path)], 2, never))
    assert (found.value.what, found.value.where) == ("the loss is not finite.", "step 7")
    assert (tmp_path / "a.saved").exists()


def test_a_process_that_was_killed_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(TrainingError, match="fewer --jobs"):
        list(run_side_by_side(die, [(str(tmp_path),)], 1, never))
