"""A clip that is proposed to be labelled, and the browser that it was given to."""

from dataclasses import dataclass

from psp.label.select import How


@dataclass(frozen=True)
class Proposal:
    """A clip to label, how it was chosen, and the class that the recogniser suggests, with its probability.

    `round` is the number of the network that proposed it, 0 without one. Random clips have no suggestion: it would
    influence the answers from which the accuracy is estimated.
    """

    clip: str
    how: How
    suggestion: tuple[str, float] | None = None
    round: int = 0


@dataclass
class Lease:
    """A proposal that a browser was given, and the time of `time.monotonic` at which it last asked for it."""

    proposal: Proposal
    browser: int
    at: float
