"""Atomic writes, locks that allow one writer for each destination, and reading of regular files."""

import glob
import hashlib
import io
import json
import os
import platform
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from psp.errors import DestinationError

if TYPE_CHECKING:
    Binary = IO[bytes] | io.BufferedIOBase
else:
    Binary = io.IOBase  # what is opened in archives has attributes that no check of IO[bytes] accepts
"""A file opened for reading of bytes, on the disk, in memory or in an archive."""

PATIENCE = 0.5
"""Seconds for which a lock is waited for: a process that finds its destination taken holds the lock for a moment."""

LEFT_OVER = 60.0
"""After how many seconds a file of a process that this machine does not have is left over; others may be of another."""


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary path, flush that file to the disk and rename it to `path`.

    Missing folders are made. After a failure `path` has its old content. Of two programs that write the same file at
    once the later one wins. An OSError names `path`, not the temporary file.
    """
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
        _write_and_rename(path, path.with_name(f".{path.name}.{os.getpid()}.writing"), write)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically."""
    text = json.dumps(content, indent=1) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text))


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Let an OSError of the `with` block that names no file, such as that of a full disk, name `path`."""
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def open_regular(path: Path) -> Binary:
    """Open a file for reading; OSError for what is no regular file, such as a named pipe that nobody may ever fill."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is not a regular file")
    return path.open("rb")


def read_regular(path: Path) -> bytes:
    """Return the content of a regular file; OSError as `open_regular` raises."""
    with open_regular(path) as file:
        return file.read()


def sha256_of_json(content: Mapping[str, Any]) -> str:
    """Return the sha256 of JSON values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def flush_folder(folder: Path) -> None:
    """Flush the entries of a folder to the disk, so that renames survive a power loss; no effect on Windows."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def destination_lock(path: Path) -> Iterator[None]:
    """Hold the destination `path` while the `with` block writes it.

    DestinationError names the process that holds it already; nothing is changed then. The lock is an operating-system
    lock on the file `.NAME.lock` beside the destination: a killed process holds nothing.
    """
    if path.name in ("", ".", ".."):
        remedy = "Give the path of the file or folder to write."
        raise DestinationError("this names no new file or folder.", where=repr(str(path)), remedy=remedy)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock, owner = path.with_name(f".{path.name}.lock"), path.with_name(f".{path.name}.owner")
    held = FileLock(lock)
    try:
        held.acquire(timeout=PATIENCE, poll_interval=0.02)
    except Timeout as error:
        what = f"another process writes here{_owner(owner)}."
        remedy = "Wait for it to end, or choose another destination."
        raise DestinationError(what, where=str(path), remedy=remedy) from error
    try:
        _remove_left_over(path)
        owner.write_text(f"process {os.getpid()} on {platform.node()} since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        yield
    finally:
        owner.unlink(missing_ok=True)
        held.release()


def is_held(path: Path) -> bool:
    """Return whether a process holds the destination `path`."""
    lock = path.with_name(f".{path.name}.lock")
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True


def _remove_left_over(path: Path) -> None:
    """Remove what killed processes left of their writing of `path` and inside of it; the lock must be held."""
    inside = path.glob(".*.writing") if path.is_dir() else ()
    beside = path.parent.glob(f".{glob.escape(path.name)}.*.writing")
    for left in [*(each for each in beside if each.name.count(".") == path.name.count(".") + 3), *inside]:
        if _is_left_over(left):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def _is_left_over(path: Path) -> bool:
    """Return whether no process of this machine writes `.NAME.PID.writing`, and none of another one did just now.

    Folders are written under the lock, so that of another process is left over at once.
    """
    number = path.name.split(".")[-2]
    if not number.isdecimal() or int(number) == os.getpid():
        return False
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return path.is_dir() or time.time() - path.lstat().st_mtime > LEFT_OVER
    except OSError:
        return False
    return False


def _owner(owner: Path) -> str:
    try:
        return f" ({owner.read_text()})"
    except OSError:
        return ""


def _write_and_rename(path: Path, temporary: Path, write: Callable[[Path], object]) -> None:
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
