"""Stopping before a step that would spoil the weights."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from psp.data.atomic import write_json
from psp.data.batches import Batch
from psp.data.store import Store
from psp.errors import TrainingError
from psp.train.run import RunFolder
from psp.train.state import newest_step


def refuse_non_finite(
    objective: Float[Tensor, ""],
    gradient_norm: Float[Tensor, ""],
    batches: Sequence[Batch | None],
    store: Store,
    folder: RunFolder,
    step: int,
    rank: int = 0,
) -> None:
    """Raise TrainingError, naming the clips of the step, if its loss or gradient is not a finite number.

    The weights are still those of the step before, and the last checkpoint is left as it is. All clips that this rank
    had in the step are listed in its own file; the message names those whose own values are not finite, or else the
    first few.
    """
    if bool(objective.isfinite() & gradient_norm.isfinite()):
        return
    clips = [name for batch in batches if batch is not None for name in _names(batch, store)]
    guilty = [name for batch in batches if batch is not None for name in _names(batch, store, only_damaged=True)]
    report = folder.non_finite(rank)
    write_json(report, {"step": step, "clips": clips, "not finite themselves": guilty})
    named = ", ".join((guilty or clips)[:5])
    what = (
        f"the {'loss' if not bool(objective.isfinite()) else 'gradient'} of step {step} is not finite; clips: {named}."
    )
    kept = f"The checkpoint of step {newest_step(folder.checkpoints)} is kept."
    remedy = f"{kept} See {report.name}; check these clips or lower optim.learning_rate."
    raise TrainingError(what, where=str(folder.path), remedy=remedy)


def _names(batch: Batch, store: Store, only_damaged: bool = False) -> list[str]:
    names = [str(name) for name in store.clips.id[batch.clips.cpu().numpy()]]
    if not only_damaged:
        return names
    finite = [all(bool(view[row].isfinite().all()) for view in batch.views.values()) for row in range(len(batch))]
    return [name for name, fine in zip(names, finite, strict=True) if not fine]
