"""Prefetching: a thread computes the next item of a sequence while the caller works on the present one."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Prefetch(Generic[Item]):
    """A sequence whose item k + 1 is made by a thread while the caller works on item k.

    An error of `make` is raised by `take` of the same number. The thread starts with the first `take` and ends with the
    `with` block; afterwards a new block may begin.
    """

    def __init__(self, make: Callable[[int], Item]) -> None:
        self._make, self._next = make, -1
        self._coming: Future[Item] | None = None
        self._thread = _thread()

    def __enter__(self) -> "Prefetch[Item]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._coming, self._thread = None, _thread()

    def take(self, number: int) -> Item:
        """Return item `number`; an item that does not follow the last one is made first, which takes its time."""
        now = self._coming
        if now is None or number != self._next:
            now = self._thread.submit(self._make, number)
        self._next, self._coming = number + 1, self._thread.submit(self._make, number + 1)
        return now.result()


def _thread() -> ThreadPoolExecutor:
    """Return one thread, which starts with its first task."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="psp prefetch")
