"""Labels that the network does not come to believe, found before it knows all labels by heart."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

FIRST_OPINION = 3
"""The epoch after which a network has an opinion worth noting."""


class Doubt:
    """Sums the network's opinions about labelled clips, one an epoch, and says which labels they contradict.

    Networks learn what many clips of a class share before they learn single clips (Arpit et al. 2017), so early on
    they disagree with labels that are wrong. A label is not `trusted` if the mean opinion finds it less than `limit`
    times as likely as another class; a limit of 0 trusts all. A class of which no label would be left keeps all of
    them.
    """

    def __init__(self, labels: Int64[Tensor, "l"], classes: int, limit: float) -> None:
        self.labels, self.limit = labels, limit
        self.opinions = torch.zeros(len(labels), classes, device=labels.device)
        self.trusted = torch.ones_like(labels, dtype=torch.bool)

    def note(self, beliefs: Float[Tensor, "l k"]) -> None:
        """Add one opinion about every labelled clip."""
        self.opinions += beliefs

    def decide(self) -> None:
        """Trust the labels that the opinions noted so far do not contradict: all, if there are none."""
        own = self.opinions.gather(1, self.labels[:, None])[:, 0]
        trusted = own >= self.limit * self.opinions.amax(dim=1)
        left = torch.zeros(self.opinions.shape[1], dtype=torch.bool, device=trusted.device)
        left[self.labels[trusted]] = True
        self.trusted = trusted | ~left[self.labels]
