"""What comes next is made ready in a thread while the caller works on what it has."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

from psp.batches.loader import Batch, Batches, Draw
from psp.batches.joint_reader import Rows

Item = TypeVar("Item")


class Prefetch(Generic[Item]):
    """Makes number k + 1 of a sequence while the caller works on number k.

    Whatever `make` raises is raised by the `take` that asked for this number. The thread starts with the first `take`
    and ends with the `with` block, however that ends; afterwards a new one may begin.
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
        """Item `number`; asking for another than the next one costs the time of making it."""
        now = self._coming
        if now is None or number != self._next:
            now = self._thread.submit(self._make, number)
        self._next, self._coming = number + 1, self._thread.submit(self._make, number + 1)
        return now.result()


class Feed:
    """The training batches of every step: drawn and read ahead in a thread, assembled on the device by the caller.

    `draws` gives the draws of a step, one for each batch of it.
    """

    def __init__(self, batches: Batches, draws: Callable[[int], Sequence[Draw]]) -> None:
        self._batches, self._draws = batches, draws
        self._ahead = Prefetch(self._read)

    def __enter__(self) -> "Feed":
        self._ahead.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ahead.__exit__(kind, error, trace)

    def take(self, step: int) -> list[Batch]:
        """The batches of a step."""
        return [self._batches.training(draw, rows) for draw, rows in self._ahead.take(step)]

    def _read(self, step: int) -> list[tuple[Draw, Rows]]:
        return [(draw, self._batches.read(draw.clips)) for draw in self._draws(step)]


def _thread() -> ThreadPoolExecutor:
    """One thread, which starts with its first task."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="psp prefetch")
