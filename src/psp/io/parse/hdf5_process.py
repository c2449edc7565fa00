"""A child process that reads HDF5 files, because a damaged file can hang or crash the library that reads them."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from psp.errors import ConfigError, PSPError, RecordingError
from psp.io.format import File

PROGRAM = Path(__file__).with_name("hdf5_child.py")

SECONDS, BYTES_A_SECOND = 60.0, 5e6
"""A file may be open for so many seconds, and one more for each `BYTES_A_SECOND` of its size."""

REMEDY = "Export or copy the file again."


def limit(size: int) -> float:
    """Return how many seconds a file of `size` bytes may be open."""
    return SECONDS + size / BYTES_A_SECOND


class Child:
    """A process that reads one file after the other; one that has ended is started again for the next file."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._name, self._seconds = "", 0.0

    @property
    def pid(self) -> int | None:
        """The id of the process, None before it is started."""
        return None if self._process is None else self._process.pid

    def open(self, file: File) -> None:
        """Open a file; it has to be closed before the next one is opened."""
        if self._process is None or self._process.poll() is not None:
            self._process = _started()
        self._name, self._seconds = file.name, limit(len(file.content))
        self.ask("open", len(file.content), self._seconds, content=file.content)

    def close(self) -> None:
        """Close the file, if the process has not ended."""
        if self._process is not None:
            self.ask("close")

    def ask(self, *request: object, content: bytes = b"") -> Any:
        """Return the answer to a request.

        An error of the library raises ValueError, the end of the process RecordingError.
        """
        process = self._process
        assert process is not None
        try:
            error, value = _exchanged(process, request, content)
        except (OSError, EOFError) as ended:
            raise self._ended() from ended
        except BaseException:
            self._stop()  # it may still be answering
            raise
        if error is not None:
            raise ValueError(error)
        return value

    def _stop(self) -> int | None:
        """Kill the process and return its exit code, that of its own end if it has ended before."""
        process, self._process = self._process, None
        if process is None:
            return None
        with suppress(OSError), process:  # a request that was not sent cannot be
            process.kill()
        return process.returncode

    def _ended(self) -> PSPError:
        """Return the error for a process that has ended while a file was open."""
        code = self._stop() or 0
        if code >= 0:
            what = f"the process that reads HDF5 files ended with exit code {code}."
            return ConfigError(what, remedy="Install h5py anew: pip install --force-reinstall h5py.")
        if code == -getattr(signal, "SIGALRM", 0):
            what = f"the HDF5 library did not finish reading the file within {self._seconds:.3g} s."
        else:
            what = f"the HDF5 library was ended by {signal.Signals(-code).name} while it read the file."
        return RecordingError(what, where=self._name, remedy=REMEDY)


def child() -> Child:
    """Return the child of this process."""
    return _child(os.getpid())


@lru_cache(maxsize=1)
def _child(process: int) -> Child:
    """Return the child of a process; a forked process gets its own, as it would share the pipes."""
    return Child()


def _started() -> subprocess.Popen[bytes]:
    """Start the process; it ends when this one does, because its standard input ends then."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


def _exchanged(process: subprocess.Popen[bytes], request: Sequence[object], content: bytes) -> tuple[str | None, Any]:
    """Send a request and return the error and the value of its answer."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(request).encode() + b"\n" + content)
    process.stdin.flush()
    line = process.stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    error, value, size = json.loads(line)
    if size is None:
        return error, value
    numbers = bytearray(size)
    if process.stdout.readinto(numbers) < size:  # type: ignore[attr-defined]
        raise EOFError
    return error, np.frombuffer(numbers).reshape(value)
