"""Parallel work in processes that end when their parent ends."""

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
    """Call `work` with every tuple of arguments and yield the results in the order in which they are finished.

    With one worker everything runs in this process, in the given order. After an error, tasks that have not begun are
    dropped. A killed process raises StoreError.
    """
    if workers <= 1 or len(tasks) <= 1:
        yield from (work(*task) for task in tasks)
        return
    with ProcessPoolExecutor(min(workers, len(tasks)), initializer=_begin) as pool:
        futures = [pool.submit(work, *task) for task in tasks]
        try:
            yield from (future.result() for future in as_completed(futures))
        except BrokenProcessPool as error:
            remedy = "Use fewer workers if memory ran out; in a script, put the call under if __name__ == '__main__'."
            raise StoreError("a process that prepared recordings was killed.", remedy=remedy) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Start a worker: one thread for PyTorch, Ctrl-C is left to the parent, and it ends when the parent ends."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def end_with_parent() -> None:
    """End this process when its parent ends, even if the parent is killed."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
