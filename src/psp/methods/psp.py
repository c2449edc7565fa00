"""PSP Learning: recognition on the labelled clips, coarse-to-fine contrast on the unlabelled ones (eq. 16)."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from psp.batches.loader import Batch
from psp.loss.coarse_to_fine import coarse_to_fine
from psp.loss.gather import gather_ranks
from psp.loss.pseudo_label import pseudo_label
from psp.loss.recognition import recognition
from psp.methods.encode import PLENTY, MemoryConfig, encode_views
from psp.methods.method import ObjectiveConfig, StepResult
from psp.methods.stream_logits import stream_logits
from psp.model.encoded import Encoded
from psp.model.psp import PSPNetwork
from psp.model.streams import Network


class PSP:
    """Algorithm 1 of the paper; joints and motions of all clips go through the encoder together."""

    views = ("joint", "motion")
    contrasted = views
    uses_unlabelled = True
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
        """Return L_reg + contrast * L_con (eq. 16, where the weight is 1), plus pseudo-labels where asked for."""
        assert unlabelled is not None
        features = encode_views(network, [labelled, unlabelled], memory)
        logits = stream_logits(network, {view: features[view][0] for view in self.views}).sum(0)
        labels = gather_ranks(labelled.labels)
        parts = {"recognition": recognition(logits, labels, config.label_smoothing)}
        joint, motion = (contrasting(network.of_view(i), features[view][1]) for i, view in enumerate(self.views))
        contrast, levels = coarse_to_fine(joint, motion, config.temperature)
        parts |= {f"contrast {level}": loss for level, loss in levels.items()}
        objective = parts["recognition"] + config.contrast * contrast
        if config.pseudo_label:
            first, second = stream_logits(network, {view: features[view][1] for view in self.views})
            parts["pseudo-label"] = pseudo_label(first, second, config.confidence)
            objective = objective + config.pseudo_label * parts["pseudo-label"]
        return StepResult(objective, parts, logits, labels)


def contrasting(network: PSPNetwork, encoded: Encoded) -> Mapping[str, Float[Tensor, "a d"]]:
    """Pyramid, PPA, pooling and MLP of one view: the contrasting features of every level, from all ranks."""
    levels = network.project(network.polymerise(encoded))
    every = gather_ranks(torch.stack(list(levels.values()), dim=1))
    return dict(zip(levels, every.unbind(1), strict=True))
