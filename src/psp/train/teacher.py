"""The teacher: what the averaged network believes about the unlabelled clips."""

import copy
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from psp.batches.loader import Batch, Batches
from psp.loss.taught import aligned
from psp.methods.encode import encode_views
from psp.model.streams import Network
from psp.train.device import Precision, mixed_precision
from psp.train.doubt import Doubt
from psp.train.spreading import spread_labels


class Teacher:
    """Beliefs about a training set's clips, taken anew now and then from whole clips, all views together.

    The mean of the views' class probabilities; where labels that are spread among similar clips arrive, a share
    `spread` of it comes from these instead. Both are aligned: over all clips the classes with a label are believed in
    about as often as each other, and a class without any is not believed in. Clips with a label that is not doubted
    are believed to be what it says; about clips of other sets nothing is believed. The teacher looks at the average
    itself: nothing is copied.
    """

    def __init__(
        self,
        network: Network,
        average: dict[str, Tensor],
        batches: Batches,
        unlabelled: Int64[np.ndarray, "u"],
        labelled: Int64[np.ndarray, "l"],
        spread: float,
        precision: Precision = "float32",
        doubt: float = 0.0,
    ) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.network.load_state_dict(average, assign=True)
        self.batches, self.spread, self.precision = batches, spread, precision
        self.clips = np.union1d(unlabelled, labelled)
        self.labelled = torch.from_numpy(np.searchsorted(self.clips, labelled)).to(batches.device)
        self.known = torch.from_numpy(labelled)
        self.doubt = Doubt(batches.label[self.known], network.classes, doubt)
        self.labelled_classes = torch.zeros(network.classes, device=batches.device)
        self.labelled_classes[self.doubt.labels] = 1
        self.labels = torch.full_like(batches.label, -1)
        self.labels[self.known] = self.doubt.labels
        self.beliefs = torch.zeros(len(batches.label), network.classes, device=batches.device)

    @torch.no_grad()
    def form_opinion(self) -> None:
        """Note what the network believes about the labelled clips; to be called before it is taught."""
        self.doubt.note(self._see()[0][self.labelled])

    @torch.no_grad()
    def look(self) -> None:
        """Take new beliefs about all clips; nothing has to be seen where all of them have a label that is trusted."""
        trusted = self._decide()
        if len(self.labelled) < len(self.clips) or not trusted.all():
            self.beliefs[torch.from_numpy(self.clips)] = self._beliefs_by_sight()
        certain = F.one_hot(self.doubt.labels, self.beliefs.shape[1]).to(self.beliefs)
        self.beliefs[self.known] = torch.where(trusted[:, None], certain, self.beliefs[self.known])

    def about(self, clips: Int64[Tensor, "n"]) -> Float[Tensor, "n k"]:
        """The latest beliefs about these clips."""
        return self.beliefs[clips]

    def labels_of(self, clips: Int64[Tensor, "n"]) -> Int64[Tensor, "n"]:
        """The labels of these labelled clips, -1 where they are doubted; of others none is known (-1)."""
        return self.labels[clips]

    def doubted(self) -> list[int]:
        """The clips whose labels are doubted."""
        return self.known[~self.doubt.trusted.cpu()].tolist()

    def state(self) -> dict[str, Tensor]:
        """What a resumed run needs to know."""
        own = {"teacher.beliefs": self.beliefs}
        return own | ({"teacher.opinions": self.doubt.opinions} if self.doubt.limit else {})

    def load(self, state: Mapping[str, Tensor], has_taught: bool) -> None:
        """Take over a stored state, of a teacher that has looked before or not yet."""
        self.beliefs.copy_(state["teacher.beliefs"])
        if self.doubt.limit:
            self.doubt.opinions.copy_(state["teacher.opinions"])
        if has_taught:
            self._decide()

    def _decide(self) -> Bool[Tensor, "l"]:
        """Which labels are trusted, from now on."""
        self.doubt.decide()
        self.labels[self.known] = self.doubt.labels.masked_fill(~self.doubt.trusted, -1)
        return self.doubt.trusted

    def _see(self) -> tuple[Float[Tensor, "c k"], Float[Tensor, "c d"]]:
        """The aligned probabilities of the teacher's clips and their features, in the clips' order."""
        seen = [self._look_at(batch.without_labels()) for batch in self.batches.in_order(self.clips)]
        beliefs, features = (torch.cat(parts) for parts in zip(*seen, strict=True))
        return self._aligned(beliefs), features

    def _aligned(self, beliefs: Float[Tensor, "c k"]) -> Float[Tensor, "c k"]:
        known = (beliefs + torch.finfo(beliefs.dtype).tiny) * self.labelled_classes
        known = known / known.sum(dim=1, keepdim=True)
        return aligned(known, known.mean(dim=0))

    def _beliefs_by_sight(self) -> Float[Tensor, "c k"]:
        """What network and spread labels say of the teacher's clips, in the clips' order."""
        beliefs, features = self._see()
        if not self.spread:
            return beliefs
        trusted = self.doubt.trusted
        spread = spread_labels(features, self.labelled[trusted], self.doubt.labels[trusted], beliefs.shape[1])
        reached = spread.any(dim=1)
        beliefs[reached] = torch.lerp(beliefs[reached], self._aligned(spread[reached]), self.spread)
        return beliefs

    def _look_at(self, batch: Batch) -> tuple[Float[Tensor, "n k"], Float[Tensor, "n d"]]:
        """The mean probabilities of a batch, and its unit features, one view beside the other."""
        with mixed_precision(self.precision, self.batches.device):
            views = [parts[0] for parts in encode_views(self.network, [batch]).values()]
            logits = torch.stack([self.network.of_view(i).classify(view) for i, view in enumerate(views)]).float()
        features = torch.cat([F.normalize(view.pooled().float(), dim=1) for view in views], dim=1)
        return logits.softmax(dim=2).mean(0), features
