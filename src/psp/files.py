"""Atomic writes, and locks that allow one writer for each destination."""

import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from psp.errors import DestinationError


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary path, flush that file to the disk and rename it to `path`.

    After a failure `path` has its old content. Of two programs that write the same file at once the later one wins. An
    OSError names `path`, not the temporary file.
    """
    try:
        _write_and_rename(path, path.with_name(f".{path.name}.{os.getpid()}.writing"), write)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically."""
    text = json.dumps(content, indent=1) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text))


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
        held.acquire(blocking=False)
    except Timeout as error:
        what = f"another process writes here{_owner(owner)}."
        remedy = "Wait for it to end, or choose another destination."
        raise DestinationError(what, where=str(path), remedy=remedy) from error
    try:
        owner.write_text(f"process {os.getpid()} on {platform.node()} since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        yield
    finally:
        owner.unlink(missing_ok=True)
        held.release()


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
