"""The rows of a store's joints that hold the clips of a batch: all of them on the device, or read when wanted.

Reading copies the wanted clips out of the file. Indexing a memory map of it would keep every page that was ever
touched in the process, up to the size of the whole store.
"""

import weakref
from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, Shaped
from torch import Tensor

from psp.dataset.store import Store
from psp.dataset.clip_table import REMAKE
from psp.errors import StoreError

SHARE_OF_FREE_MEMORY = 0.5
PIECE = 2**18
"""How many rows are uploaded at a time."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of joints and where each clip of a batch begins in them."""

    joints: Float[Tensor, "rows v c"]
    first_row: Int64[Tensor, "n"]

    def to(self, device: torch.device) -> "Rows":
        """The same rows on a device."""
        return Rows(send(self.joints, device), send(self.first_row, device))


class RowsOnDisk:
    """Reads the wanted clips from `joints.npy`, into pinned memory where a GPU will copy them."""

    def __init__(self, store: Store, device: torch.device) -> None:
        self._store, self._pinned = store, device.type == "cuda"
        table = store.clips
        self._first_row = table.first_row
        self._count = table.persons * table.frames
        self._file = (store.path / "joints.npy").open("rb", buffering=0)
        self._header = self._file.seek(0, 2) - store.joints.nbytes
        self._lock = Lock()
        weakref.finalize(self, self._file.close)

    def read(self, clips: Int64[Tensor, "n"]) -> Rows:
        """Copy the clips' rows, one clip after the other."""
        wanted = clips.numpy()
        ends = self._count[wanted].cumsum()
        starts = ends - self._count[wanted]
        block = self.block(int(ends[-1]))
        for clip, start, end in zip(wanted.tolist(), starts.tolist(), ends.tolist(), strict=True):
            self.fill(block[start:end].numpy(), int(self._first_row[clip]))
        return Rows(block, torch.from_numpy(starts))

    def block(self, rows: int) -> Float32[Tensor, "rows v 3"]:
        """Memory for so many rows."""
        return torch.empty((rows, *self._store.joints.shape[1:]), pin_memory=self._pinned)

    def fill(self, block: Float32[np.ndarray, "rows v 3"], first_row: int) -> None:
        """Read the rows from `first_row` on."""
        row = self._store.joints.nbytes // len(self._store.joints)
        with self._lock:
            self._file.seek(self._header + first_row * row)
            read = self._file.readinto(block.data.cast("B"))
        if read != block.nbytes:
            raise StoreError("joints.npy ends too early.", where=str(self._store.path), remedy=REMAKE)


class RowsOnDevice:
    """Holds the joints of a whole store on the device."""

    def __init__(self, store: Store, device: torch.device) -> None:
        self._first_row = torch.from_numpy(store.clips.first_row)
        self._joints = torch.empty(store.joints.shape, device=device)
        disk = RowsOnDisk(store, device)
        for first in range(0, len(store.joints), PIECE):
            block = disk.block(min(PIECE, len(store.joints) - first))
            disk.fill(block.numpy(), first)
            self._joints[first : first + len(block)] = send(block, device)

    def read(self, clips: Int64[Tensor, "n"]) -> Rows:
        """Say where the clips begin."""
        return Rows(self._joints, self._first_row[clips])


RowSource = RowsOnDisk | RowsOnDevice


def row_source(store: Store, device: torch.device) -> RowSource:
    """Rows on the device where they fit beside the network, else from the disk."""
    return RowsOnDevice(store, device) if fits(store.joints.nbytes, device) else RowsOnDisk(store, device)


def fits(size: int, device: torch.device) -> bool:
    """Whether so many bytes take up at most half of a GPU's free memory; a CPU keeps nothing."""
    return device.type == "cuda" and size <= SHARE_OF_FREE_MEMORY * torch.cuda.mem_get_info(device)[0]


def send(values: Shaped[Tensor, "..."], device: torch.device) -> Shaped[Tensor, "..."]:
    """Copy to a device; a GPU copies from pinned memory in its own time, and nobody waits."""
    if values.device.type != "cpu" or device.type != "cuda":
        return values.to(device)
    return (values if values.is_pinned() else values.pin_memory()).to(device, non_blocking=True)
