"""PSP Learning: recognition on the labelled clips, coarse-to-fine contrast on the unlabelled ones (eq. 16)."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from psp.data.batches import Batch
from psp.loss.coarse_to_fine import coarse_to_fine
from psp.loss.gather import gather_ranks
from psp.loss.pseudo_label import pseudo_label
from psp.loss.recognition import recognition
from psp.methods.encode import encode_views
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
        """Return L_reg + contrast * L_con (eq. 16, where the weight is 1), plus pseudo-labels where asked for."""
        assert unlabelled is not None
        features = encode_views(network, [labelled, unlabelled])
        logits = network.classify(features["joint"][0]) + network.classify(features["motion"][0])
        parts = {"recognition": recognition(logits, labelled.labels, config.label_smoothing)}
        joint, motion = (contrasting(network, features[view][1]) for view in self.views)
        contrast, levels = coarse_to_fine(joint, motion, config.temperature)
        parts |= {f"contrast {level}": loss for level, loss in levels.items()}
        objective = parts["recognition"] + config.contrast * contrast
        if config.pseudo_label:
            own = {view: network.classify(features[view][1]) for view in self.views}
            parts["pseudo-label"] = pseudo_label(own["joint"], own["motion"], config.confidence)
            objective = objective + config.pseudo_label * parts["pseudo-label"]
        return StepResult(objective, parts, logits)


def contrasting(network: PSPNetwork, encoded: Encoded) -> Mapping[str, Float[Tensor, "a d"]]:
    """Pyramid, PPA, pooling and MLP of one view: the contrasting features of every level, from all ranks."""
    levels = network.project(network.polymerise(encoded))
    return {level: gather_ranks(features) for level, features in levels.items()}
