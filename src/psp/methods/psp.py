"""PSP Learning: recognition on the labelled clips, coarse-to-fine contrast on the unlabelled ones (eq. 16)."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from psp.data.batches import Batch
from psp.loss.coarse_to_fine import coarse_to_fine
from psp.loss.gather import gather_ranks
from psp.loss.pseudo_label import pseudo_label
from psp.loss.recognition import recognition
from psp.methods.encode import PLENTY, MemoryConfig, encode_views
from psp.methods.method import ObjectiveConfig, StepResult
from psp.model.encoded import Encoded
from psp.model.psp import PSPNetwork


class PSP:
    """Algorithm 1 of the paper; joints and motions of all clips go through the encoder together."""

    views = ("joint", "motion")
    uses_unlabelled = True

    def step(
        self,
        network: PSPNetwork,
        labelled: Batch,
        unlabelled: Batch | None,
        config: ObjectiveConfig,
        memory: MemoryConfig = PLENTY,
    ) -> StepResult:
        """Return L_reg + contrast * L_con (eq. 16, where the weight is 1), plus pseudo-labels where asked for."""
        assert unlabelled is not None
        features = encode_views(network, [labelled, unlabelled], memory)
        logits = gather_ranks(network.classify(features["joint"][0]) + network.classify(features["motion"][0]))
        labels = gather_ranks(labelled.labels)
        parts = {"recognition": recognition(logits, labels, config.label_smoothing)}
        joint, motion = (contrasting(network, features[view][1]) for view in self.views)
        contrast, levels = coarse_to_fine(joint, motion, config.temperature)
        parts |= {f"contrast {level}": loss for level, loss in levels.items()}
        objective = parts["recognition"] + config.contrast * contrast
        if config.pseudo_label:
            own = [gather_ranks(network.classify(features[view][1])) for view in self.views]
            parts["pseudo-label"] = pseudo_label(own[0], own[1], config.confidence)
            objective = objective + config.pseudo_label * parts["pseudo-label"]
        return StepResult(objective, parts, logits, labels)


def contrasting(network: PSPNetwork, encoded: Encoded) -> Mapping[str, Float[Tensor, "a d"]]:
    """Pyramid, PPA, pooling and MLP of one view: the contrasting features of every level, from all ranks."""
    levels = network.project(network.polymerise(encoded))
    every = gather_ranks(torch.stack(list(levels.values()), dim=1))
    return dict(zip(levels, every.unbind(1), strict=True))
