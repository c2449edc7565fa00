"""Where and how the runs of an experiment are computed and kept."""

from dataclasses import dataclass
from math import inf
from pathlib import Path

from psp.config.ranges import require


@dataclass(frozen=True)
class Place:
    """Where runs are kept (`runs`), where their results go (`results`), and what they are computed on.

    `minutes` is when to stop, with everything saved. `every_epoch` evaluates the test clips after every epoch.
    `compile` lets torch.compile fuse the encoder's small steps where it can, as in `psp train`.
    """

    runs: Path
    results: Path
    device: str = "auto"
    jobs: int | None = None
    minutes: float = inf
    every_epoch: bool = False
    compile: bool = False

    def __post_init__(self) -> None:
        if self.jobs is not None:
            require(self.jobs >= 1, "jobs", self.jobs, "1 or more")
        require(self.minutes >= 0, "minutes", self.minutes, "0 or more")
