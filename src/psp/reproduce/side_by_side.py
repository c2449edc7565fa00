"""Trainings side by side, each in a process of its own, which saves its state when it is asked to stop."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from typing import Any, TypeVar

import torch

from psp.errors import TrainingError
from psp.preprocess.processes import end_with_parent
from psp.train.device import keep_freed_memory
from psp.train.interrupt import Interrupt

Result = TypeVar("Result")
POLL_SECONDS = 0.2


class Stop:
    """Says, in a training process, whether the parent process asked it to stop."""

    event: Event | None = None

    def __call__(self) -> bool:
        """Return whether a stop was asked for."""
        return self.event is not None and self.event.is_set()


STOP = Stop()


def run_side_by_side(
    work: Callable[..., Result], tasks: Sequence[tuple[Any, ...]], jobs: int, halt: Callable[[], bool]
) -> Iterator[Result]:
    """Call `work` with every tuple of arguments, `jobs` at a time, and yield what each call returns when it is done.

    On Ctrl-C, on SIGTERM, when `halt` returns True and when a call raises, the others are asked to stop, by `STOP` in
    their processes, and waited for. Processes are spawned, as a GPU requires; a terminal sends its Ctrl-C to them too,
    so they begin with SIGINT blocked.
    """
    context = multiprocessing.get_context("spawn")
    stop, threads = context.Event(), max(1, (os.cpu_count() or 1) // jobs)
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(stop, threads))
    with Interrupt() as interrupt:
        try:
            with _blocked(signal.SIGINT):
                waiting: set[Future[Result]] = {pool.submit(work, *task) for task in tasks}
            while waiting:
                done, waiting = wait(waiting, POLL_SECONDS, FIRST_COMPLETED)
                if not stop.is_set() and (interrupt.signal is not None or halt()):
                    stop.set()
                    waiting = {each for each in waiting if not each.cancel()}
                yield from (each.result() for each in done if not each.cancelled())
        except BrokenProcessPool as error:
            if interrupt.signal is None:
                remedy = "Start again, with fewer --jobs if memory ran out; finished runs are kept."
                raise TrainingError("a training process was killed.", remedy=remedy) from error
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


@contextmanager
def _blocked(number: int) -> Iterator[None]:
    """Block a signal, here and in the processes that are started meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(stop: Event, threads: int) -> None:
    """Take a share of the cores, leave Ctrl-C to the parent, and end when the parent ends, even if it is killed."""
    STOP.event = stop
    keep_freed_memory()
    torch.set_num_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    end_with_parent()
