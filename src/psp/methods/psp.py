"""PSP Learning: recognition on the labelled clips, coarse-to-fine contrast on the unlabelled ones (eq. 16)."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from psp.data.batches import Batch
from psp.loss.coarse_to_fine import level_losses
from psp.loss.gather import gather_ranks
from psp.loss.recognition import recognition
from psp.methods.method import ObjectiveConfig, StepResult
from psp.model.encoded import Encoded
from psp.model.psp import PSPNetwork


class PSP:
    """Algorithm 1 of the paper; joints and motions of all clips go through the encoder together."""

    views = ("joint", "motion")
    uses_unlabelled = True

    def step(
        self, network: PSPNetwork, labelled: Batch, unlabelled: Batch | None, config: ObjectiveConfig
    ) -> StepResult:
        """Return L_reg + contrast * L_con (eq. 16, where the weight is 1)."""
        assert unlabelled is not None
        features = encode_views(network, [labelled, unlabelled])
        logits = network.classify(features["joint"][0]) + network.classify(features["motion"][0])
        parts = {"recognition": recognition(logits, labelled.labels, config.label_smoothing)}
        joint, motion = (contrasting(network, features[view][1]) for view in self.views)
        levels = level_losses(joint, motion, config.temperature)
        parts |= {f"contrast {level}": loss for level, loss in levels.items()}
        contrast = torch.stack(list(levels.values())).sum()
        return StepResult(parts["recognition"] + config.contrast * contrast, parts, logits)


def encode_views(network: PSPNetwork, batches: list[Batch]) -> dict[str, list[Encoded]]:
    """Encode every view of every batch in one pass, so that batch norm sees them all; one list entry a batch."""
    order = [(batch, view) for batch in batches for view in batch.views]
    stacked = torch.cat([batch.views[view] for batch, view in order])
    persons = torch.cat([batch.persons for batch, _ in order])
    encoded = network.encode(stacked, persons).split([len(batch) for batch, _ in order])
    features: dict[str, list[Encoded]] = {view: [] for view in batches[0].views}
    for (_, view), part in zip(order, encoded, strict=True):
        features[view].append(part)
    return features


def contrasting(network: PSPNetwork, encoded: Encoded) -> Mapping[str, Float[Tensor, "a d"]]:
    """Pyramid, PPA, pooling and MLP of one view: the contrasting features of every level, from all ranks."""
    levels = network.project(network.polymerise(encoded))
    return {level: gather_ranks(features) for level, features in levels.items()}
