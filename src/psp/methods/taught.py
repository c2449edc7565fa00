"""PSP Learning in three streams with a teacher: what preset `best` trains."""

from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor

from psp.data.batches import Batch
from psp.loss.coarse_to_fine import coarse_to_fine
from psp.loss.gather import gather_ranks
from psp.loss.recognition import recognition
from psp.loss.taught import taught
from psp.methods.encode import PLENTY, MemoryConfig, encode_views
from psp.methods.method import ObjectiveConfig, StepResult
from psp.methods.psp import contrasting
from psp.methods.stream_logits import stream_logits
from psp.methods.streams import STREAMS
from psp.model.encoded import Encoded
from psp.model.streams import Network


class Taught:
    """Eq. 16 for joints, bones and velocities, plus what a teacher believes about the unlabelled clips.

    The contrast is the mean over all pairs of views. The teacher, the averaged network, sees whole clips in all views;
    each view of the changed clip has to come to the same conclusion by itself (mean teacher, Tarvainen and Valpola
    2017). Beliefs are absent while the teacher knows too little.
    """

    views = STREAMS
    uses_unlabelled = True
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
            parts["contrast"] = contrast_of_pairs(network, free, config.temperature)
            objective = objective + config.contrast * parts["contrast"]
        if config.pseudo_label and unlabelled.beliefs is not None:
            beliefs = gather_ranks(unlabelled.beliefs)
            lessons = [taught(logits, beliefs, config.sharpness) for logits in stream_logits(network, free)]
            parts["teacher"] = torch.stack(lessons).mean()
            objective = objective + config.pseudo_label * parts["teacher"]
        return StepResult(objective, parts, own.sum(0), labels)


def contrast_of_pairs(network: Network, features: dict[str, Encoded], temperature: float) -> Float[Tensor, ""]:
    """Return L_con (eq. 13), the mean over all pairs of views."""
    levels = [contrasting(network.of_view(i), encoded) for i, encoded in enumerate(features.values())]
    losses = [coarse_to_fine(first, second, temperature)[0] for first, second in combinations(levels, 2)]
    return torch.stack(losses).mean()
