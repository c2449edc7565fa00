"""Supervised only, in streams: every view of the labelled clips learns to recognise by itself."""

import torch

from psp.batches.loader import Batch
from psp.loss.gather import gather_ranks
from psp.loss.recognition import recognition
from psp.methods.encode import PLENTY, MemoryConfig, encode_views
from psp.methods.method import ObjectiveConfig, StepResult
from psp.methods.stream_logits import stream_logits
from psp.model.streams import Network

STREAMS = ("joint", "velocity", "yaw-invariant", "yaw-invariant velocity", "distance")


class Streams:
    """Joints, velocities and three views that no turn of the camera changes: a loss each, logits summed (late fusion).

    With few labels views that must each stand alone are worth more than a sum that is trained as one: the first view
    that is right would take the gradient away from the others.
    """

    views = STREAMS
    contrasted = ()
    uses_unlabelled = False
    learnt_apart = True
    is_taught = False

    def step(
        self,
        network: Network,
        labelled: Batch,
        unlabelled: Batch | None,
        config: ObjectiveConfig,
        memory: MemoryConfig = PLENTY,
    ) -> StepResult:
        """Return the mean over the views of L_reg (eq. 15) with a view's own logits."""
        features = encode_views(network, [labelled], memory)
        own = stream_logits(network, {view: parts[0] for view, parts in features.items()})
        labels = gather_ranks(labelled.labels)
        loss = torch.stack([recognition(logits, labels, config.label_smoothing) for logits in own]).mean()
        return StepResult(loss, {"recognition": loss}, own.sum(0), labels)
