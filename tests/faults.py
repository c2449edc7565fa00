"""Killing a program at any call that changes the file system."""

import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest


class KilledError(BaseException):
    """Raised in place of a SIGKILL; all later calls that change files fail too."""


@contextmanager
def killed_at(call: int) -> Iterator[list[str]]:
    """Let call number `call` (from 0) that changes files in the `with` block, and all later ones, do nothing but kill.

    Yields the names of the calls so far. A file whose flush is killed loses its second half; of a folder whose removal
    is killed one file is gone. Nothing is really flushed, which would take time and change nothing here.
    """
    names: list[str] = []
    number = count()

    def wrapped(name: str, function: Callable[..., Any], torn: Callable[..., Any] | None = None) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            names.append(name)
            this = next(number)
            if this < call:
                return function(*arguments, **options)
            if this == call and torn:
                torn(*arguments)
            raise KilledError

        return wrapper

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "rmtree", wrapped("rmtree", shutil.rmtree, _half_removed))
        patch.setattr(os, "fsync", wrapped("fsync", lambda _: None, _half_written))
        for owner, name in ((os, "rename"), (os, "replace"), (os, "mkdir"), (Path, "unlink")):
            patch.setattr(owner, name, wrapped(name, getattr(owner, name)))
        yield names


def _half_written(handle: int) -> None:
    state = os.fstat(handle)
    is_log = fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_APPEND  # what was in it before is durable
    if stat.S_ISREG(state.st_mode) and not is_log:
        os.ftruncate(handle, state.st_size // 2)


def _half_removed(folder: Path, *_: Any) -> None:
    for file in sorted(folder.iterdir())[-1:] if folder.is_dir() else ():
        os.remove(file)
