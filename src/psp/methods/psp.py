"""PSP Learning: recognition on the labelled clips, coarse-to-fine contrast on the unlabelled ones (eq. 16)."""

import torch

from psp.data.batches import Batch
from psp.loss.coarse_to_fine import coarse_to_fine
from psp.loss.recognition import recognition
from psp.methods.method import ObjectiveConfig, StepResult
from psp.model.psp import PSPNetwork


class PSP:
    """Algorithm 1 of the paper; joints and motions of all clips go through the encoder together."""

    views = ("joint", "motion")
    uses_unlabelled = True

    def step(
        self, network: PSPNetwork, labelled: Batch, unlabelled: Batch | None, config: ObjectiveConfig
    ) -> StepResult:
        """Compute the objective of one step."""
        assert unlabelled is not None
        ...
