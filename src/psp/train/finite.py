"""Stopping before a step that would spoil the weights, without waiting for the device at every step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import torch
from jaxtyping import Float
from torch import Tensor

from psp.files import write_json
from psp.batches.loader import Batch
from psp.dataset.store import Store
from psp.errors import TrainingError
from psp.train.run import RunFolder
from psp.train.state import newest_step


@dataclass(frozen=True)
class Failure:
    """The first step, counted from 1, whose loss or else gradient was not a finite number."""

    step: int
    what: str


class FiniteGuard:
    """Notes on the device when a loss or gradient is not finite, and keeps the optimiser still from then on.

    The host learns of it when it asks; until then steps are computed in vain, but no weight moves.
    """

    def __init__(self, device: torch.device) -> None:
        self._failed = torch.zeros(2, dtype=torch.int64, device=device)

    def watch(self, objective: Float[Tensor, ""], gradient_norm: Float[Tensor, ""], step: int) -> Float[Tensor, ""]:
        """Return 1 if step number `step` (from 1) or an earlier one must not be taken, otherwise 0."""
        bad = torch.stack([objective.detach(), gradient_norm.to(objective.dtype)]).isfinite().logical_not()
        self._failed = torch.where(bad & ~self._failed.any(), step, self._failed)
        return self._failed.any().float()

    def failure(self) -> Failure | None:
        """Wait for the device and tell what failed first."""
        loss, gradient = self._failed.tolist()
        return Failure(loss or gradient, "loss" if loss else "gradient") if loss or gradient else None


def refuse(failure: Failure, batches: Sequence[Batch | None], store: Store, folder: RunFolder, rank: int) -> NoReturn:
    """Raise TrainingError, naming the clips of a step whose loss or gradient is not a finite number.

    The weights are still those of the step before, and the last checkpoint is left as it is. All clips that this rank
    had in the step are listed in its own file; the message names those whose own values are not finite, or else the
    first few.
    """
    clips = [name for batch in batches if batch is not None for name in _names(batch, store)]
    guilty = [name for batch in batches if batch is not None for name in _names(batch, store, only_damaged=True)]
    report = folder.non_finite(rank)
    write_json(report, {"step": failure.step, "clips": clips, "not finite themselves": guilty})
    named = ", ".join((guilty or clips)[:5])
    kept = f"The checkpoint of step {newest_step(folder.checkpoints)} is kept."
    raise TrainingError(
        f"the {failure.what} of step {failure.step} is not finite; clips: {named}.",
        where=str(folder.path),
        remedy=f"{kept} See {report.name}; check these clips or lower optim.learning_rate.",
    )


def _names(batch: Batch, store: Store, only_damaged: bool = False) -> list[str]:
    names = [str(name) for name in store.clips.id[batch.clips.cpu().numpy()]]
    if not only_damaged:
        return names
    finite = [all(bool(view[row].isfinite().all()) for view in batch.views.values()) for row in range(len(batch))]
    return [name for name, fine in zip(names, finite, strict=True) if not fine]
