"""How long a run is: the clips of an epoch, its steps, and the same schedule over another number of epochs."""

from dataclasses import replace

import numpy as np
from jaxtyping import Int64

from psp.config.ranges import require
from psp.train.config import TrainConfig


def unlabelled_clips(
    config: TrainConfig, train: Int64[np.ndarray, "s"], labelled: Int64[np.ndarray, "l"]
) -> Int64[np.ndarray, "u"]:
    """The training clips that are shown without labels: an epoch is a pass over them.

    All of them where the labelled ones are among them, by configuration or because no other is left.
    """
    rest = train if config.labelled_as_unlabelled else np.setdiff1d(train, labelled)
    return rest if len(rest) else train


def steps_per_epoch(config: TrainConfig, unlabelled: int) -> int:
    """Steps that show so many clips once, unless they are configured; the last one may begin the next pass."""
    return config.steps or -(-unlabelled // config.unlabelled_batch)


def rescheduled(config: TrainConfig, epochs: int) -> TrainConfig:
    """The same schedule over so many epochs: warm-up and, where there are any, milestones move in proportion."""
    require(epochs >= 1, "epochs", epochs, "1 or more")
    share, optim = epochs / config.epochs, config.optim
    if optim.schedule == "steps":
        optim = replace(optim, milestones=tuple(max(1, round(share * milestone)) for milestone in optim.milestones))
    return replace(config, epochs=epochs, optim=replace(optim, warmup=share * optim.warmup))
