"""Work shared by processes that end with the one that started them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import torch

from psp.errors import StoreError

Result = TypeVar("Result")


def run_in_processes(work: Callable[..., Result], tasks: Sequence[tuple[Any, ...]], workers: int) -> Iterator[Result]:
    """Call `work` with every tuple of arguments and yield the results as they are finished, in any order.

    With one worker everything runs in this process, in order. Tasks that have not begun are dropped on an error.
    """
    if workers <= 1 or len(tasks) <= 1:
        yield from (work(*task) for task in tasks)
        return
    with ProcessPoolExecutor(min(workers, len(tasks)), initializer=_begin) as pool:
        futures = [pool.submit(work, *task) for task in tasks]
        try:
            yield from (future.result() for future in as_completed(futures))
        except BrokenProcessPool as error:
            remedy = "Call again: with fewer workers if memory was short, in a program under if __name__ == '__main__'."
            raise StoreError("a process that prepared recordings was killed.", remedy=remedy) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Leave Ctrl-C to the parent, end when the parent is gone, even if it was killed, and compute in one thread."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def end_with_parent() -> None:
    """End this process when its parent is gone, even if the parent was killed."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
