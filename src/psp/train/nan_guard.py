"""Detection of losses and gradients that are not finite, without waiting for the device at every step."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from psp.batches.batch import Batch
from psp.dataset.store import Store
from psp.errors import TrainingError
from psp.files import write_json
from psp.train.checkpoint import newest_step
from psp.train.run_folder import RunFolder


@dataclass(frozen=True)
class Failure:
    """The first step, counted from 1, whose loss or gradient was not finite; `what` is "loss" or "gradient"."""

    step: int
    what: str


class FiniteGuard:
    """A record on the device of the first loss or gradient that is not finite; from then on no step is taken.

    The CPU reads it with `failure`; steps in between are computed without effect.
    """

    def __init__(self, device: torch.device) -> None:
        self._failed = torch.zeros(2, dtype=torch.int64, device=device)

    def watch(self, loss: Float[Tensor, ""], gradient_norm: Float[Tensor, ""], step: int) -> Float[Tensor, ""]:
        """Return 1 if step number `step` (from 1) or an earlier one must not be taken, otherwise 0."""
        bad = torch.stack([loss.detach(), gradient_norm.to(loss.dtype)]).isfinite().logical_not()
        self._failed = torch.where(bad & ~self._failed.any(), step, self._failed)
        return self._failed.any().float()

    def failure(self) -> Failure | None:
        """Wait for the device and return the first failure, None if there is none."""
        loss, gradient = self._failed.tolist()
        return Failure(loss or gradient, "loss" if loss else "gradient") if loss or gradient else None


def refusal(
    failure: Failure, batches: Iterable[Batch], store: Store, folder: RunFolder | None, rank: int
) -> TrainingError:
    """Return the error for a step whose loss or gradient is not finite, with the clips of the step.

    The weights are those before the step, and the last checkpoint is kept. All clips of this rank in the step are
    listed in a file of the run folder; the message names those whose values are not finite, or else the first few.
    """
    batches = list(batches)
    clips = [name for batch in batches for name in _names(batch, store)]
    damaged = [name for batch in batches for name in _names(batch, store, only_damaged=True)]
    named = ", ".join((damaged or clips)[:5])
    what = f"the {failure.what} of step {failure.step} is not finite; clips: {named}."
    if folder is None:
        return TrainingError(what, remedy="Check these clips or lower optim.learning_rate.")
    report = folder.non_finite(rank)
    write_json(report, {"step": failure.step, "clips": clips, "not finite themselves": damaged})
    kept = f"The checkpoint of step {newest_step(folder.checkpoints)} is kept."
    remedy = f"{kept} See {report.name}; check these clips or lower optim.learning_rate."
    return TrainingError(what, where=str(folder.path), remedy=remedy)


def _names(batch: Batch, store: Store, only_damaged: bool = False) -> list[str]:
    names = [str(name) for name in store.clips.id[batch.index.cpu().numpy()]]
    if not only_damaged:
        return names
    values = [value for sample in batch.samples for value in sample.modalities.values()]
    finite = [all(bool(value[row].isfinite().all()) for value in values) for row in range(len(batch))]
    return [name for name, fine in zip(names, finite, strict=True) if not fine]
