"""Supervised only: recognition on the labelled clips, the paper's baseline without CCL and PPA."""

from psp.batches.loader import Batch
from psp.loss.gather import gather_ranks
from psp.loss.recognition import recognition
from psp.methods.encode import PLENTY, MemoryConfig, encode_views
from psp.methods.method import ObjectiveConfig, StepResult
from psp.methods.stream_logits import stream_logits
from psp.model.streams import Network


class Supervised:
    """Joints and motions of the labelled clips, summed logits; unlabelled clips are not looked at."""

    views = ("joint", "motion")
    contrasted = ()
    uses_unlabelled = False
    learnt_apart = False
    is_taught = False

    def step(
        self,
        network: Network,
        labelled: Batch,
        unlabelled: Batch | None,
        config: ObjectiveConfig,
        memory: MemoryConfig = PLENTY,
    ) -> StepResult:
        """Return L_reg (eq. 15)."""
        features = encode_views(network, [labelled], memory)
        logits = stream_logits(network, {view: features[view][0] for view in self.views}).sum(0)
        labels = gather_ranks(labelled.labels)
        loss = recognition(logits, labels, config.label_smoothing)
        return StepResult(loss, {"recognition": loss}, logits, labels)
