"""PSP Learning in streams with a teacher: what preset `best` trains."""

import torch

from psp.batches.loader import Batch
from psp.loss.coarse_to_fine import coarse_to_fine
from psp.loss.gather import gather_ranks
from psp.loss.recognition import recognition
from psp.loss.taught import taught
from psp.methods.encode import PLENTY, MemoryConfig, encode_views
from psp.methods.method import ObjectiveConfig, StepResult
from psp.methods.psp import contrasting
from psp.methods.stream_logits import stream_logits
from psp.methods.streams import STREAMS
from psp.model.streams import Network


class Taught:
    """Eq. 16, every stream with a loss of its own, plus what a teacher believes about the unlabelled clips.

    The contrast is that of the paper, between joints and their motion; all other streams learn from the teacher alone
    what unlabelled clips have to say. The teacher, the averaged network, sees whole clips in all views; each view of
    the changed clip has to come to the same conclusion by itself (mean teacher, Tarvainen and Valpola 2017). Beliefs
    are absent while the teacher knows too little.
    """

    views = STREAMS
    contrasted = ("joint", "velocity")
    uses_unlabelled = True
    learnt_apart = True
    is_taught = True

    def step(
        self,
        network: Network,
        labelled: Batch,
        unlabelled: Batch | None,
        config: ObjectiveConfig,
        memory: MemoryConfig = PLENTY,
    ) -> StepResult:
        """Return L_reg + contrast * L_con + pseudo_label * (cross entropy with the teacher's beliefs)."""
        assert unlabelled is not None
        features = encode_views(network, [labelled, unlabelled], memory)
        own = stream_logits(network, {view: both[0] for view, both in features.items()})
        free, labels = {view: both[1] for view, both in features.items()}, gather_ranks(labelled.labels)
        objective = torch.stack([recognition(logits, labels, config.label_smoothing) for logits in own]).mean()
        parts = {"recognition": objective}
        if config.contrast:
            joint, motion = (
                contrasting(network.of_view(self.views.index(view)), free[view]) for view in self.contrasted
            )
            parts["contrast"], _ = coarse_to_fine(joint, motion, config.temperature)
            objective = objective + config.contrast * parts["contrast"]
        if config.pseudo_label and unlabelled.beliefs is not None:
            beliefs = gather_ranks(unlabelled.beliefs)
            lessons = [taught(logits, beliefs, config.sharpness) for logits in stream_logits(network, free)]
            parts["teacher"] = torch.stack(lessons).mean()
            objective = objective + config.pseudo_label * parts["teacher"]
        return StepResult(objective, parts, own.sum(0), labels)
