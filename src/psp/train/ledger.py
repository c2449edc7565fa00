"""Which labelled clips were used: counted, and never more than the budget allows."""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from psp.dataset.store import Store
from psp.errors import BudgetError


class LabelLedger:
    """Notes every labelled clip that a step uses and refuses one that is not among `clips`, the budget's."""

    def __init__(self, store: Store, clips: Int64[np.ndarray, "s"]) -> None:
        self._clips = store.clips
        self._used = torch.zeros(len(store), dtype=torch.bool)
        self._allowed = torch.zeros(len(store), dtype=torch.bool)
        self._allowed[torch.from_numpy(clips)] = True

    def note(self, clips: Int64[Tensor, "n"]) -> None:
        """Count these clips as used; one that is not in the budget raises BudgetError."""
        if not bool(self._allowed[clips].all()):
            name = self._clips.id[int(clips[~self._allowed[clips]][0])]
            raise BudgetError("this clip's label is not in the budget.", where=str(name), remedy="Report this defect.")
        self._used[clips] = True

    def used(self) -> list[str]:
        """The ids of the labelled clips used so far, sorted."""
        return sorted(str(name) for name in self._clips.id[self._used.numpy()])

    def restore(self, ids: Iterable[str]) -> None:
        """Take over what an interrupted run had used."""
        self.note(torch.from_numpy(self._clips.rows_of(list(ids))))
