"""The program that opens HDF5 files for `psp.io.parse.hdf5_process`, in a process of its own.

It imports nothing of psp, so that it starts in a fifth of a second. A request is a line of JSON [action, arguments...],
followed by the content of the file if the action is `open`. An answer is a line of JSON [error, value, size], each of
which may be null; numbers are `size` bytes after it, in double precision, and their shape is the value. Groups and
data sets are named by numbers; 0 is the root.
"""

import io
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import h5py
import numpy as np

NODES = (h5py.Group, h5py.Dataset)


def main() -> None:
    """Answer requests until the parent closes the pipe, which it does at the latest when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    nodes: list[Any] = []
    for line in sys.stdin.buffer:
        action, *arguments = json.loads(line)
        try:
            _send(answers, ACTIONS[action](nodes, *arguments))
        except Exception as error:  # noqa: BLE001 whatever a damaged file raises is answered
            answers.write(json.dumps([str(error) or type(error).__name__, None, None]).encode() + b"\n")
        answers.flush()


def _send(answers: BinaryIO, value: object) -> None:
    if not isinstance(value, np.ndarray):
        answers.write(json.dumps([None, value, None]).encode() + b"\n")
        return
    answers.write(json.dumps([None, value.shape, value.nbytes]).encode() + b"\n")
    if value.size:
        answers.write(value.data)


def _open(nodes: list[Any], size: int, seconds: float) -> None:
    """Open the file whose content follows; this process is killed (SIGALRM) if it is not closed within `seconds`."""
    content = sys.stdin.buffer.read(size)
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    nodes.append(h5py.File(io.BytesIO(content), "r"))


def _close(nodes: list[Any]) -> None:
    files = nodes[:1]
    nodes.clear()
    try:
        for file in files:
            file.close()
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)


def _keys(nodes: list[Any], node: int) -> list[str]:
    """Return the names of the groups and data sets in a group, without links that lead nowhere."""
    return [key for key, each in nodes[node].items() if isinstance(each, NODES)]


def _get(nodes: list[Any], node: int, key: str) -> dict[str, Any] | None:
    """Return what a group has under a name: its number, its path and, of a data set, its shape and type; or None."""
    found = nodes[node].get(key)
    if not isinstance(found, NODES):
        return None
    nodes.append(found)
    about = {"node": len(nodes) - 1, "name": found.name or ""}
    if isinstance(found, h5py.Dataset):
        about |= {"shape": found.shape, "dtype": str(found.dtype), "kind": found.dtype.kind}
        about |= {"itemsize": found.dtype.itemsize}
    return about


def _numbers(nodes: list[Any], node: int) -> np.ndarray:
    return np.asarray(nodes[node][()], np.float64, order="C")


def _texts(nodes: list[Any], node: int) -> object:
    """Return the texts of a data set as a list."""
    return _plain(np.asarray(nodes[node][()]).ravel().tolist(), nodes[0])


def _attribute(nodes: list[Any], node: int, key: str) -> object:
    """Return an attribute, None if there is none; an array of one entry is that entry."""
    value = nodes[node].attrs.get(key)
    if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.names is None:
        value = value.ravel()[0]
    return _plain(value.tolist() if isinstance(value, np.ndarray | np.generic) else value, nodes[0])


def _plain(value: object, file: h5py.File) -> object:
    """Return a value as JSON has it; a reference is the path of what it refers to."""
    if isinstance(value, list | tuple):
        return [_plain(each, file) for each in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, h5py.Reference):
        return file[value].name if value else None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"a value is {type(value).__name__}, not text or a number")


ACTIONS: dict[str, Callable[..., object]] = {
    "open": _open, "close": _close, "keys": _keys, "get": _get, "numbers": _numbers, "texts": _texts,
    "attribute": _attribute,
}  # fmt: skip

if __name__ == "__main__":
    main()
