"""A clean end on Ctrl-C or SIGTERM: signals are recorded and checked after every step."""

import signal
import threading
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """Training ended early on Ctrl-C or SIGTERM, after its state was saved."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


class Interrupt:
    """Within the `with` block the first signal is recorded in `signal`; a second one acts as it did before.

    Python delivers signals to the main thread only; in another thread nothing is recorded.
    """

    def __init__(self) -> None:
        self.signal: int | None = None

    def __enter__(self) -> "Interrupt":
        numbers = SIGNALS if threading.current_thread() is threading.main_thread() else ()
        self._before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        for other, handler in self._before.items():
            signal.signal(other, handler)
