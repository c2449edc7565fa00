"""The joints of the clips of a batch, from the memory of the device or read from the store when needed.

Reading copies the clips from the file. Indexing a memory map would keep every page that was ever used in memory, up to
the size of the whole store.
"""

import weakref
from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor

from psp.dataset.store import Store
from psp.errors import StoreError

SHARE_OF_FREE_MEMORY = 0.5
PIECE = 2**18
"""How many rows are sent to the device at a time."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of joints (v, c), their confidence if the store has one, and the first row of each clip of a batch."""

    joints: Float[Tensor, "rows v c"]
    confidence: Float[Tensor, "rows v"] | None
    first_row: Int64[Tensor, "n"]

    def to(self, device: torch.device) -> "Rows":
        """Return the same rows on a device."""
        confidence = None if self.confidence is None else send(self.confidence, device)
        return Rows(send(self.joints, device), confidence, send(self.first_row, device))


class FileRows:
    """A reader that copies rows of one array file, into pinned memory if they go to a GPU."""

    def __init__(self, store: Store, name: str, array: np.ndarray, device: torch.device) -> None:
        assert store.path is not None
        self._store, self._name, self._pinned = store.path, name, device.type == "cuda"
        self._checksums = store.blocks[name]
        self._shape, self._kind = array.shape[1:], torch.from_numpy(array[:1].copy()).dtype
        self._bytes = array.nbytes // max(1, len(array))
        self._file = (store.path / name).open("rb", buffering=0)
        self._header = self._file.seek(0, 2) - array.nbytes
        self._lock = Lock()
        weakref.finalize(self, self._file.close)

    def block(self, rows: int) -> Shaped[Tensor, "rows *s"]:
        """Return uninitialised memory for a number of rows."""
        return torch.empty((rows, *self._shape), dtype=self._kind, pin_memory=self._pinned)

    def fill(self, block: Shaped[np.ndarray, "rows *s"], first_row: int) -> None:
        """Fill `block` with the rows from `first_row` on; StoreError if the file ends before or they are damaged."""
        with self._lock:
            self._file.seek(self._header + first_row * self._bytes)
            read = self._file.readinto(block.data.cast("B"))
        if read != block.nbytes:
            remedy = "Prepare the data set again."
            raise StoreError(f"{self._name} ends too early.", where=str(self._store), remedy=remedy)
        self._checksums.require(first_row, first_row + len(block))


class RowsOnDisk:
    """A source of rows that reads clips of a store from its files."""

    def __init__(self, store: Store, device: torch.device, with_confidence: bool = False) -> None:
        self._first_row = np.asarray(store.clips.first_row)
        self._count = np.asarray(store.clips.persons) * np.asarray(store.clips.frames)
        self._joints = FileRows(store, "joints.npy", store.joints, device)
        self._confidence = None
        if with_confidence and store.confidence is not None:
            self._confidence = FileRows(store, "confidence.npy", store.confidence, device)

    def read(self, index: Int64[Tensor, "n"]) -> Rows:
        """Return the rows of the clips, one clip after the other."""
        wanted = index.numpy()
        ends = self._count[wanted].cumsum()
        starts = ends - self._count[wanted]
        first = torch.from_numpy(starts)
        joints = self._read(self._joints, wanted, starts, ends)
        confidence = None if self._confidence is None else self._read(self._confidence, wanted, starts, ends).float()
        return Rows(joints, confidence, first)

    def _read(
        self,
        file: FileRows,
        wanted: Int64[np.ndarray, "n"],
        starts: Int64[np.ndarray, "n"],
        ends: Int64[np.ndarray, "n"],
    ) -> Shaped[Tensor, "rows *s"]:
        block = file.block(int(ends[-1]))
        for clip, start, end in zip(wanted.tolist(), starts.tolist(), ends.tolist(), strict=True):
            file.fill(block[start:end].numpy(), int(self._first_row[clip]))
        return block


class RowsOnDevice:
    """A source of rows that holds the joints of a whole store on the device."""

    def __init__(self, store: Store, device: torch.device, with_confidence: bool = False) -> None:
        self._first_row = torch.from_numpy(np.array(store.clips.first_row))
        self._joints = _uploaded(store, "joints.npy", store.joints, device)
        self._confidence = None
        if with_confidence and store.confidence is not None:
            self._confidence = _uploaded(store, "confidence.npy", store.confidence, device).float()

    def read(self, index: Int64[Tensor, "n"]) -> Rows:
        """Return all rows of the store, with the first row of each of the clips."""
        return Rows(self._joints, self._confidence, self._first_row[index])


RowSource = RowsOnDisk | RowsOnDevice


def row_source(store: Store, device: torch.device, with_confidence: bool = False) -> RowSource:
    """Return the rows in the memory of the device if they fit or the store is in memory, else those on the disk."""
    is_held = store.path is None or fits(store.joints.nbytes, device)
    return (RowsOnDevice if is_held else RowsOnDisk)(store, device, with_confidence)


def fits(size: int, device: torch.device) -> bool:
    """Return whether `size` bytes are at most half of the free memory of a GPU; False for a CPU."""
    return device.type == "cuda" and size <= SHARE_OF_FREE_MEMORY * torch.cuda.mem_get_info(device)[0]


def send(values: Shaped[Tensor, "..."], device: torch.device) -> Shaped[Tensor, "..."]:
    """Return the values on a device; the copy to a GPU is asynchronous, from pinned memory."""
    if values.device.type != "cpu" or device.type != "cuda":
        return values.to(device)
    return (values if values.is_pinned() else values.pin_memory()).to(device, non_blocking=True)


def _uploaded(store: Store, name: str, array: np.ndarray, device: torch.device) -> Shaped[Tensor, "rows *s"]:
    """Return a whole array on the device, copied piece by piece."""
    if store.path is None:
        return send(torch.from_numpy(np.ascontiguousarray(array)), device)
    file = FileRows(store, name, array, device)
    whole = torch.empty(array.shape, dtype=file.block(0).dtype, device=device)
    for first in range(0, len(array), PIECE):
        block = file.block(min(PIECE, len(array) - first))
        file.fill(block.numpy(), first)
        whole[first : first + len(block)] = send(block, device)
    return whole
