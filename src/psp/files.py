"""Files that are complete or absent: written beside their place, flushed to the disk, renamed."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file and move it to `path`; the old content survives any failure.

    Of two programs that write the same file at once the later one wins. An OSError names `path`, which the caller
    knows, not the temporary file.
    """
    try:
        _write_and_rename(path, path.with_name(f".{path.name}.{os.getpid()}.writing"), write)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically."""
    text = json.dumps(content, indent=1) + "\n"
    write_atomically(path, lambda place: place.write_text(text))


def flush_folder(folder: Path) -> None:
    """Make renames in a folder outlast a loss of power, on systems that open folders."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write_and_rename(path: Path, temporary: Path, write: Callable[[Path], object]) -> None:
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
