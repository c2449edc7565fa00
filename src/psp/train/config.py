"""Everything that decides a training run, as one frozen configuration."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Literal

from psp.data.batches import BatchConfig
from psp.methods.methods import MethodName, ObjectiveConfig
from psp.model.psp import ModelConfig
from psp.train.optim import OptimConfig
from psp.train.override import as_plain, override


@dataclass(frozen=True)
class TrainConfig:
    """A run: what is learnt from, with which network and method, for how long.

    `steps` per epoch 0 means one pass over the unlabelled clips (over the training clips, if no clip is left
    unlabelled). `labelled_as_unlabelled` adds the labelled clips to the unlabelled ones, without their labels.
    `average` is the decay of the averaged weights.
    """

    protocol: str
    budget: str
    seed: int = 0
    budget_seed: int = 0
    method: MethodName = "psp"
    data: BatchConfig = field(default_factory=BatchConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    labelled_batch: int = 32
    unlabelled_batch: int = 32
    labelled_as_unlabelled: bool = False
    epochs: int = 120
    steps: int = 0
    average: float = 0.999
    precision: Literal["float32", "bf16"] = "float32"
    log_every: int = 10

    @property
    def hash(self) -> str:
        """A short name of this configuration: two runs with the same hash differ in nothing that was configured."""
        plain = as_plain(override(self, as_plain(self)))  # so that 1 and 1.0 are the same setting
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]
