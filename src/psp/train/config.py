"""Everything that decides a training run, as one frozen configuration."""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property

from psp.batches.loader import BatchConfig
from psp.config.ranges import require
from psp.errors import ConfigError
from psp.methods.methods import METHODS, MemoryConfig, MethodName, ObjectiveConfig
from psp.model.psp import ModelConfig
from psp.train.device import Precision
from psp.train.optim import OptimConfig
from psp.config.override import as_plain, differences, override


@dataclass(frozen=True)
class TrainConfig:
    """A run: what is learnt from, with which network and method, for how long.

    `steps` per epoch 0 means one pass over the unlabelled clips (over the training clips, if no clip is left
    unlabelled). `labelled_as_unlabelled` adds the labelled clips to the unlabelled ones, without their labels.
    `average` is the decay of the averaged weights; they teach, where the method has a teacher, after this share of
    the epochs (`teach_after`), a share `spread` of their beliefs coming from labels spread among similar clips. Labels
    that they found less than `doubt` times as likely as another class, in the mean from the fourth epoch until then,
    are learnt no more; if they teach earlier or never, no label is doubted. The numbers of a step are read from the
    device every `log_every` steps, a loss that is not finite among them.
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
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    labelled_batch: int = 32
    unlabelled_batch: int = 32
    labelled_as_unlabelled: bool = False
    epochs: int = 120
    steps: int = 0
    average: float = 0.999
    teach_after: float = 0.3
    spread: float = 0.0
    doubt: float = 0.0
    precision: Precision = "float32"
    log_every: int = 10

    def __post_init__(self) -> None:
        for name in ("labelled_batch", "unlabelled_batch", "epochs", "log_every"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        for name in ("seed", "budget_seed"):
            require(0 <= getattr(self, name) < 2**63, name, getattr(self, name), "a whole number from 0 to 2^63 - 1")
        require(self.steps >= 0, "steps", self.steps, "0 or more")
        require(0 <= self.average < 1, "average", self.average, "0 or more, below 1")
        for name in ("teach_after", "spread", "doubt"):
            require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "from 0 to 1")
        levels = self.model.levels
        if len(set(levels)) < len(levels):
            raise ConfigError("a level is named twice.", where="model.levels", remedy="Name each level once.")
        if self.method in ("psp", "taught") and not levels:
            remedy = "Name at least one level, or use the method supervised."
            raise ConfigError("PSP Learning needs levels to contrast.", where="model.levels", remedy=remedy)

    @property
    def has_teacher(self) -> bool:
        """Whether the averaged weights teach."""
        return METHODS[self.method].is_taught and self.objective.pseudo_label > 0

    @cached_property
    def hash(self) -> str:
        """A short name of this configuration: two runs with the same hash differ in nothing that was configured.

        It is made of what differs from the defaults, so a setting that is added later, whose default means "as before",
        leaves the hashes of earlier runs as they are. That is why defaults do not change.
        """
        checked = override(self, as_plain(self))  # so that 1 and 1.0 are the same setting
        chosen = differences(checked, TrainConfig(protocol="", budget=""))
        return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[:16]
